"""`windlass facts collect`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from windlass.core.errors import PartialFailure
from windlass.present.commands import service
from windlass.present.options import Accounts, DryRun, Limit, Output, Quiet, Regions
from windlass.present.output import Format, emit

if TYPE_CHECKING:
    from windlass.facts.collection import CollectionResult

__all__ = ["collect"]

_NODE_COLUMNS = ("host_id", "name", "platform", "account_id", "region")


def collect(
    ctx: typer.Context,
    accounts: Accounts = None,
    regions: Regions = None,
    dry_run: DryRun = False,
    limit: Limit = 0,
    output: Output = Format.TABLE,
    quiet: Quiet = False,
) -> None:
    """Read what Systems Manager knows of its managed nodes: inventory, patches, compliance.

    A Resource Data Sync bucket is far cheaper for large fleets: `windlass facts import --from ssm s3://BUCKET/PREFIX`.

    Examples:
      windlass facts collect
      windlass facts collect -a 111111111111 -r us-east-1 --dry-run
    """
    from windlass.facts.rows import RESULT_COLUMNS, node_row, result_row
    from windlass.present.progress import ProgressLine

    collection, scopes = service(ctx, "facts_collection"), {"accounts": accounts or (), "regions": regions or ()}
    if dry_run:
        nodes, result = collection.nodes(**scopes)
        emit(map(node_row, nodes), output, _NODE_COLUMNS, limit=limit, empty="Systems Manager manages no nodes.")
    else:
        with ProgressLine("collecting", quiet=quiet) as line:
            result = collection.collect(**scopes, progress=line.update)
        rows = map(result_row, result.sections)
        emit(rows, output, RESULT_COLUMNS, limit=limit, empty="Systems Manager has no facts.")
        print(f"{result.nodes:,} nodes, {len(result.sections):,} sections.", file=sys.stderr)
    _report_failures(result)


def _report_failures(result: CollectionResult) -> None:
    for where, failure in sorted(result.failures.items()):
        print(f"{where}: {failure}", file=sys.stderr)
    if result.failures:
        raise PartialFailure(
            f"{len(result.failures):,} operations failed",
            hint="What they read stays as it was. `windlass policy facts` prints the permissions.",
        )
