"""Tables of the Glue Data Catalog as Athena reads them: their latest version, beside those created by Athena's DDL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.glue.models import glue_backends

from windlass_local.athena.tables import Column, Table, shape_of

__all__ = ["glue_tables"]


def glue_tables(account_id: str, region: str) -> dict[tuple[str, str], Table]:
    """Return all tables by (database, name); the entry with an empty name is the database itself."""
    return {(table.database, table.name): table for table in _all(glue_backends[account_id][region])}


def _all(backend: Any) -> Iterator[Table]:
    for database in list(backend.databases.values()):
        yield Table(
            database=database.name, name="", columns=(), partitions=(), location="", template="", cloudtrail=False
        )
        for table in list(database.tables.values()):
            yield _table(database.name, table.name, table.versions[max(table.versions, key=int)])


def _table(database: str, name: str, value: Mapping[str, Any]) -> Table:
    storage = value.get("StorageDescriptor") or {}
    return Table(
        database=database,
        name=name,
        columns=tuple(
            Column(column["Name"].lower(), shape_of(column.get("Type", "string")))
            for column in storage.get("Columns", ())
        ),
        partitions=tuple(partition_key["Name"].lower() for partition_key in value.get("PartitionKeys", ())),
        location=storage.get("Location", ""),
        template=(value.get("Parameters") or {}).get("storage.location.template", ""),
        cloudtrail="CloudTrail" in storage.get("InputFormat", ""),
    )
