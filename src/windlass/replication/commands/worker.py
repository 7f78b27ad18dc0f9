"""`windlass replicate worker`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core.errors import PartialFailure
from windlass.present.options import Output, Quiet
from windlass.present.output import Format, emit
from windlass.present.progress import ProgressLine
from windlass.replication.commands.options import CompareBy, Different, Prefix, open_replication, select_pairs
from windlass.replication.comparison import Compare

__all__ = ["worker"]


def worker(
    ctx: typer.Context,
    seed_id: Annotated[str, typer.Argument(metavar="SEED", help="Id of the distributed seed, as `status` shows it.")],
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Source of the seed, as given to `seed`.")],
    destination: Annotated[str, typer.Argument(metavar="DEST", help="Destination of the seed, as given to `seed`.")],
    prefix: Prefix = "",
    compare: CompareBy = Compare.ETAG,
    different: Different = False,
    quiet: Quiet = False,
    output: Output = Format.TABLE,
) -> None:
    """Join a distributed seed of another machine until it is done. Exit 1 when objects failed.

    Examples:
      windlass replicate worker seed-01 scans scans-copy
      windlass replicate worker seed-01 scans scans-copy --prefix 2026/ -q -o json
    """
    from windlass.replication.comparison import Criteria
    from windlass.replication.rows import progress_row

    replication = open_replication(ctx)
    (pair,) = replication.pairs(select_pairs(source, destination, "", prefix))
    with ProgressLine(pair.title, quiet=quiet) as line:
        progress = replication.join(
            pair, seed_id, lambda now: line.update(now.copied, now.total), Criteria(compare, different)
        )
    row = progress_row(progress)
    emit([row], output, tuple(row))
    if progress.failed:
        hint = "`windlass replicate report` on the machine that runs the seed shows why."
        raise PartialFailure(f"{progress.failed:,} objects failed", hint=hint)
