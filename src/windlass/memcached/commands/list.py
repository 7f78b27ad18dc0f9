"""`windlass memcached list`."""

from __future__ import annotations

import sys

import typer

from windlass.core import clock
from windlass.core.errors import PartialFailure
from windlass.memcached.commands.options import CLUSTER_COLUMNS, open_memcached, scope_filter
from windlass.present.options import Accounts, Limit, Output, Regions
from windlass.present.output import Format, emit

__all__ = ["list_"]


def list_(
    ctx: typer.Context,
    account: Accounts = None,
    region: Regions = None,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """List clusters of all accounts and regions, with the node quota of each account and region.

    Examples:
      windlass memcached list
      windlass memcached list -r us-east-1 -o json
    """
    from windlass.memcached.rows import cluster_row

    listing = open_memcached(ctx).list(scope_filter(account, region))
    rows = (
        cluster_row(cluster, listing.quotas.get((cluster.account_id, cluster.region))) for cluster in listing.clusters
    )
    emit(rows, output, CLUSTER_COLUMNS, now=clock.now(), limit=limit, empty="There is no Memcached cluster.")
    for failure in listing.failures:
        print(f"windlass: {failure.region} of {failure.account_id}: {failure.error.message}", file=sys.stderr)
    if listing.failures:
        count = len(listing.failures)
        raise PartialFailure(f"{count} accounts or regions could not be read", hint="`windlass doctor` shows why.")
