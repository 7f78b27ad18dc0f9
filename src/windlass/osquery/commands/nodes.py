"""`windlass osquery nodes`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.osquery.commands.options import Hosts, Tags, open_osquery
from windlass.present.options import Limit, Output
from windlass.present.output import Column, Format, emit

__all__ = ["nodes"]

_COLUMNS = (
    "name",
    Column("host_id", "HOST"),
    "state",
    "platform",
    "osquery_version",
    "secret",
    "last_seen_at",
    "node_id",
)


def nodes(
    ctx: typer.Context, hosts: Hosts = None, tags: Tags = None, limit: Limit = 0, output: Output = Format.TABLE
) -> None:
    """List enrolled hosts, the last seen first.

    Examples:
      windlass osquery nodes
      windlass osquery nodes --tag team=web -o json
    """
    from windlass.osquery.rows import node_row

    service = open_osquery(ctx)
    rows = [node_row(service, node) for node in service.nodes(hosts or (), tags or ())]
    empty = "No host is enrolled: `windlass osquery secret create --name NAME`, then `windlass osquery flags`."
    emit(rows, output, _COLUMNS, now=clock.now(), limit=limit, empty=empty)
