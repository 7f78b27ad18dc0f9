"""The IDs of distinct rows: found, or inserted when no host had the row before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Connection, select

from windlass.facts.batches import batches
from windlass.facts.row_values import RowValue
from windlass.facts.tables import fact_row
from windlass.store.engine import Store

__all__ = ["RowIds"]

Key = tuple[str, str]  # section and digest

_BATCH = 1000
_KEPT = 200_000  # about 40 MB: the distinct packages of a large fleet


class RowIds:
    """Row IDs that were read before. Rows are never deleted, so an ID stays valid once its transaction is committed."""

    def __init__(self) -> None:
        self._ids: dict[Key, int] = {}

    def find(self, connection: Connection, keys: Iterable[Key]) -> dict[Key, int]:
        """Return the IDs of those of `keys` that exist."""
        known = {key: self._ids.get(key) for key in keys}
        ids = {key: row_id for key, row_id in known.items() if row_id is not None}
        by_section: dict[str, list[str]] = {}
        for section, digest in known.keys() - ids.keys():
            by_section.setdefault(section, []).append(digest)
        for section, digests in by_section.items():
            ids.update(_select(connection, section, digests))
        return ids

    def ensure(self, store: Store, connection: Connection, values: Mapping[Key, RowValue]) -> dict[Key, int]:
        """Return the IDs of all `values`; insert the missing ones in order, so that two writers never wait for each other."""
        ids = self.find(connection, values)
        missing = sorted(values.keys() - ids.keys(), key=lambda key: (key[1], key[0]))
        if missing:
            rows = [
                {
                    "section": section,
                    "digest": digest,
                    "label": values[section, digest].label,
                    "version": values[section, digest].version,
                    "document": values[section, digest].document,
                }
                for section, digest in missing
            ]
            connection.execute(store.upsert(fact_row).on_conflict_do_nothing(), rows)
            ids.update(self.find(connection, missing))
        return ids

    def keep(self, ids: Mapping[Key, int]) -> None:
        """Remember the IDs of a committed transaction."""
        if len(self._ids) + len(ids) > _KEPT:
            self._ids.clear()
        self._ids.update(ids)


def _select(connection: Connection, section: str, digests: list[str]) -> Iterator[tuple[Key, int]]:
    for batch in batches(digests, _BATCH):
        statement = select(fact_row.c.digest, fact_row.c.id).where(
            fact_row.c.section == section, fact_row.c.digest.in_(batch)
        )
        for digest, row_id in connection.execute(statement):
            yield (section, digest), row_id
