"""`windlass replicate verify`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from windlass.core.errors import PartialFailure
from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit
from windlass.present.progress import ProgressLine
from windlass.replication.commands.options import (
    CompareBy,
    Destination,
    Prefix,
    SetName,
    Source,
    Strict,
    open_replication,
    select_pairs,
)
from windlass.replication.comparison import Compare, ContentVerdict

if TYPE_CHECKING:  # the service is loaded when the command runs
    from windlass.replication.direct.model import VerifyOptions
    from windlass.replication.model import Pair
    from windlass.replication.service import Replication

__all__ = ["verify"]


def verify(
    ctx: typer.Context,
    source: Source = "",
    destination: Destination = "",
    set_name: SetName = "",
    prefix: Prefix = "",
    compare: CompareBy = Compare.ETAG,
    strict: Strict = False,
    sample: Annotated[
        int,
        typer.Option("--sample", metavar="COUNT", min=0, help="Read the content of this many objects of each pair."),
    ] = 0,
    versions: Annotated[bool, typer.Option("--versions", help="Compare every version of each key, in order.")] = False,
    markers: Annotated[
        bool,
        typer.Option("--delete-markers/--no-delete-markers", help="With --versions: compare delete markers."),
    ] = True,
    limit: Limit = 0,
    output: Output = Format.TABLE,
) -> None:
    """Compare both sides of pairs. Exit 1 when the destination misses an object, or has a different one.

    Objects that cannot be compared are counted as unknown; with --strict, they fail the command.

    Examples:
      windlass replicate verify scans scans-copy
      windlass replicate verify scans scans-copy --compare size --sample 5 -o json
    """
    from windlass.replication.direct.model import VerifyOptions
    from windlass.replication.output import VERIFIED

    replication = open_replication(ctx)
    if source and not destination:
        pairs = [seed.pair for seed in replication.select(source)]
    else:
        pairs = list(replication.pairs(select_pairs(source, destination, set_name, prefix)))
    options = VerifyOptions(by=compare, sample=sample, versions=versions, delete_markers=markers)
    rows = _verify(replication, pairs, options)
    emit(rows, output, VERIFIED, limit=limit)
    if output is Format.TABLE:
        _print_examples(rows)
    _raise_unverified(rows, strict=strict)


def _verify(replication: Replication, pairs: Sequence[Pair], options: VerifyOptions) -> list[dict[str, Any]]:
    """Compare the pairs with a progress line, and return a row for each."""
    from windlass.replication.rows import verify_row

    rows = []
    with ProgressLine("verifying") as line:
        for number, pair in enumerate(pairs):
            line.update(number, len(pairs), pair.title)
            rows.append(verify_row(pair.title, replication.verify(pair, options)))
    return rows


def _print_examples(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        for kind, keys in row["examples"].items():
            print(f"{row['pair']}: {kind}: {', '.join(keys)}", file=sys.stderr)


def _raise_unverified(rows: Sequence[dict[str, Any]], *, strict: bool) -> None:
    passing = (ContentVerdict.SAME,) if strict else (ContentVerdict.SAME, ContentVerdict.UNKNOWN)
    bad = sum(row["verdict"] not in passing for row in rows)
    if bad:
        raise PartialFailure(
            f"{bad} of {len(rows)} pairs are not verified",
            hint="`windlass replicate seed` copies missing objects; with --different, it replaces different ones.",
        )
