"""`windlass replicate verify`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from windlass.core.errors import PartialFailure
from windlass.present.output import Format, emit
from windlass.present.progress import ProgressLine
from windlass.replication import rows
from windlass.replication.comparison import Compare, Verdict
from windlass.replication.options import CompareBy, Destination, Output, Prefix, SetName, Source, Strict
from windlass.replication.output import VERIFIED
from windlass.replication.service import PairSelection, Replication

__all__ = ["register"]


def register(app: typer.Typer, open_replication: Callable[[typer.Context], Replication]) -> None:
    """Add the command to the group."""

    @app.command()
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
            typer.Option(metavar="N", min=0, help="Read the content of so many objects of each pair, on both sides."),
        ] = 0,
        versions: Annotated[
            bool, typer.Option("--versions", help="Compare every version of each key, in order.")
        ] = False,
        markers: Annotated[
            bool,
            typer.Option("--delete-markers/--no-delete-markers", help="With --versions: compare delete markers, too."),
        ] = True,
        output: Output = Format.TABLE,
    ) -> None:
        """Compare both sides of pairs; exit 1 when the destination lacks something, or has something else.

        Objects that can't be compared are counted as unknown, and fail the command with --strict.
        """
        replication = open_replication(ctx)
        if source and not destination:
            pairs = [one.pair for one in replication.select(source)]
        else:
            pairs = list(
                replication.pairs(
                    PairSelection(source=source, destination=destination, set_name=set_name, prefix=prefix)
                )
            )
        found = []
        with ProgressLine("verifying") as shown:
            for number, pair in enumerate(pairs):
                shown.update(number, len(pairs), pair.title)
                compared = replication.verify(pair, by=compare, sample=sample, versions=versions, markers=markers)
                found.append(rows.verify_row(pair.title, compared))
        emit(found, output, VERIFIED)
        passed = (Verdict.SAME,) if strict else (Verdict.SAME, Verdict.UNKNOWN)
        bad = [one for one in found if one["verdict"] not in passed]
        if output is Format.TABLE:
            for one in found:
                for kind, keys in one["examples"].items():
                    print(f"{one['pair']}: {kind}: {', '.join(keys)}", file=sys.stderr)
        if bad:
            raise PartialFailure(
                f"{len(bad)} of {len(found)} pairs are not verified",
                hint="`windlass replicate seed` copies what is missing; with --different, what differs, too.",
            )
