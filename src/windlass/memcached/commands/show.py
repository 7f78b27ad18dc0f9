"""`windlass memcached show`."""

from __future__ import annotations

import typer

from windlass.core import clock
from windlass.memcached.commands.options import CLUSTER_COLUMNS, ClusterName, open_memcached, scope_filter
from windlass.present.options import Accounts, Output, Regions
from windlass.present.output import Column, Format, emit, emit_value

__all__ = ["show"]

_NODE_COLUMNS = ("node_id", "status", "zone", "endpoint", Column("key_share", right=True), "created_at")


def show(
    ctx: typer.Context,
    name: ClusterName,
    account: Accounts = None,
    region: Regions = None,
    output: Output = Format.TABLE,
) -> None:
    """Show one cluster: nodes, zones, endpoints, pending changes, quotas.

    Examples:
      windlass memcached show sessions
      windlass memcached show sessions -r us-east-1 -o json
    """
    from windlass.memcached.rows import cluster_value

    memcached = open_memcached(ctx)
    cluster = memcached.find(name, scope_filter(account, region))
    value = cluster_value(cluster, memcached.quota(cluster.account_id, cluster.region))
    if output in (Format.JSON, Format.JSONL):
        emit_value(value)
        return
    emit([value], output, CLUSTER_COLUMNS, now=clock.now())
    print()
    emit(value["members"], output, _NODE_COLUMNS, now=clock.now())
