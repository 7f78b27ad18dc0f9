"""`windlass memcached nodes`."""

from __future__ import annotations

import sys

import typer

from windlass.core.errors import PartialFailure
from windlass.memcached.commands.options import ClusterName, open_memcached, scope_filter
from windlass.present.options import Accounts, Limit, Output, Regions
from windlass.present.output import Column, Format, emit, emit_value

__all__ = ["nodes"]

_COLUMNS: tuple[object, ...] = (
    "node_id",
    "zone",
    "endpoint",
    Column("hit_rate", right=True),
    Column("gets", right=True),
    Column("evictions", right=True),
    Column("items", right=True),
    Column("used_bytes", right=True),
    Column("limit_bytes", right=True),
    Column("connections", right=True),
    "version",
    "error",
)


def nodes(
    ctx: typer.Context,
    name: ClusterName,
    account: Accounts = None,
    region: Regions = None,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List the nodes by auto-discovery, and read hit rate, evictions, memory and connections of each.

    Examples:
      windlass memcached nodes sessions
      windlass memcached nodes sessions -r us-east-1 -o json
    """
    from windlass.memcached.rows import nodes_value

    memcached = open_memcached(ctx)
    responses = memcached.nodes(memcached.find(name, scope_filter(account, region)))
    value = nodes_value(responses)
    if output is Format.JSON:
        emit_value(value)
    else:
        emit(value["nodes"], output, _COLUMNS, limit=limit, empty="The configuration has no nodes.")
    if output is Format.TABLE:
        rate, gets = value["hit_rate"], value["gets"]
        text = "no gets yet" if rate is None else f"hit rate {rate:.1%} of {gets:,} gets"
        print(f"{name}: configuration {value['config_version']}, {text}", file=sys.stderr)
    silent = sum(bool(stat.error) for stat in responses.stats)
    if silent:
        total = len(responses.stats)
        raise PartialFailure(f"{silent} of {total} nodes did not answer", hint="The column `error` shows why.")
