"""The argument that the verbs of `windlass memcached` share, and the function that opens the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.present.commands import service
from windlass.present.output import Column

if TYPE_CHECKING:
    from windlass.memcached.service import Memcached, ScopeFilter

__all__ = ["CLUSTER_COLUMNS", "ClusterName", "open_memcached", "scope_filter"]

ClusterName = Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster's name.")]

CLUSTER_COLUMNS: tuple[object, ...] = (
    "name",
    "account_id",
    "region",
    "status",
    Column("nodes", right=True),
    Column("quota", right=True),
    "node_type",
    "version",
    "zones",
    "endpoint",
    "pending",
)


def open_memcached(ctx: typer.Context) -> Memcached:
    """Open the service."""
    return cast("Memcached", service(ctx, "memcached"))


def scope_filter(accounts: list[str] | None, regions: list[str] | None) -> ScopeFilter:
    """Return the accounts and regions to read; the complete estate when none is given."""
    from windlass.memcached.service import ScopeFilter

    return ScopeFilter(tuple(accounts or ()), tuple(regions or ()))
