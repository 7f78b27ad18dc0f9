"""The options of `windlass replicate`, how its verbs open the service, and how they select pairs and seeds."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.present.commands import service
from windlass.present.progress import ProgressLine
from windlass.replication.comparison import Compare
from windlass.replication.model import Method, Operation

if TYPE_CHECKING:
    from windlass.replication.planning.plan import PairPlan
    from windlass.replication.planning.request import SeedRequest
    from windlass.replication.seed.task import SeedTask
    from windlass.replication.service import PairSelection, Replication

__all__ = [
    "AnySeedRef",
    "CompareBy",
    "DeleteMarkers",
    "Destination",
    "Different",
    "EnableVersioning",
    "Find",
    "Language",
    "MaybeCompareBy",
    "Measure",
    "MethodOption",
    "OperationOption",
    "Prefix",
    "Preserve",
    "RestoreDays",
    "SeedRef",
    "SetName",
    "Source",
    "Strict",
    "SwitchOn",
    "TemplateFile",
    "Versions",
    "open_replication",
    "plan_pairs",
    "select_pairs",
    "select_seeds",
]

_LATEST = 10_000  # seeds that are searched for the latest one of each pair


class Language(StrEnum):
    """The language of a printed template."""

    TOML = "toml"
    JSON = "json"


class Measure(StrEnum):
    """The way in which a plan counts objects."""

    AUTO = "auto"
    LISTING = "listing"
    METRICS = "metrics"


Source = Annotated[
    str, typer.Argument(metavar="SOURCE", help="Source bucket, s3://BUCKET/PREFIX, or SERVICE:BUCKET/PREFIX.")
]
Destination = Annotated[str, typer.Argument(metavar="DEST", help="Destination bucket, or SERVICE:BUCKET.")]
SetName = Annotated[
    str, typer.Option("--set", "-s", metavar="NAME", help="The pairs of this [[replicate]] set instead of one pair.")
]
SeedRef = Annotated[str, typer.Argument(metavar="REF", help="A seed, job, batch job, set or bucket.")]
AnySeedRef = Annotated[
    str,
    typer.Argument(metavar="REF", help="A seed, job, batch job, set or bucket; the latest of all pairs by default."),
]
MethodOption = Annotated[
    Method,
    typer.Option("--method", help="The method that copies the objects; auto chooses one, and prints the reason."),
]
OperationOption = Annotated[
    Operation | None,
    typer.Option("--operation", help="Replicas, copies, or a function call per object; replicas by default."),
]
Prefix = Annotated[str, typer.Option("--prefix", metavar="PREFIX", help="Only keys that begin with this prefix.")]
SwitchOn = Annotated[
    bool | None,
    typer.Option("--switch-on/--no-switch-on", help="Switch replication on first; the default for replicas."),
]
EnableVersioning = Annotated[
    bool, typer.Option("--enable-versioning", help="Enable versioning on both buckets where it is off.")
]
DeleteMarkers = Annotated[
    bool | None,
    typer.Option(
        "--delete-markers/--no-delete-markers",
        help="Let the rule replicate delete markers; direct copies of versions include them by default.",
    ),
]
Versions = Annotated[
    bool,
    typer.Option(
        "--versions",
        help="Copies: include noncurrent versions. Direct copies keep the order of each key's versions; "
        "batch copies them in a job that runs first.",
    ),
]
Preserve = Annotated[
    str,
    typer.Option(
        "--preserve",
        metavar="A,B",
        help="Direct copies: preserve acl, lock, redirect as well; this costs a request or two per object.",
    ),
]
TemplateFile = Annotated[
    Path | None,
    typer.Option("--template", metavar="FILE", help="Template of the batch job, as `replicate template` prints it."),
]
_COMPARE_HELP = "Compare equal keys by size, time (and size), etag (or a checksum of both sides), or checksum."
CompareBy = Annotated[Compare, typer.Option("--compare", help=_COMPARE_HELP)]
MaybeCompareBy = Annotated[Compare | None, typer.Option("--compare", help=f"{_COMPARE_HELP} etag by default.")]
Different = Annotated[
    bool,
    typer.Option("--different", help="Replace an object that differs, even when the destination's is newer."),
]
RestoreDays = Annotated[
    int,
    typer.Option(
        "--restore", metavar="DAYS", min=0, help="Direct copies: restore archived objects for this many days, and wait."
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 when some objects could not be compared.")]
Find = Annotated[bool, typer.Option("--find", help="Find jobs in AWS that another machine created.")]


def open_replication(ctx: typer.Context) -> Replication:
    """Open the replication service."""
    return cast("Replication", service(ctx, "replication"))


def select_pairs(source: str, destination: str, set_name: str, prefix: str) -> PairSelection:
    """Return the selection of pairs that the arguments name."""
    from windlass.replication.service import PairSelection

    return PairSelection(source=source, destination=destination, set_name=set_name, prefix=prefix)


def plan_pairs(
    replication: Replication, selection: PairSelection, request: SeedRequest, *, quiet: bool = False
) -> tuple[PairPlan, ...]:
    """Plan every selected pair, and show the progress."""
    pairs = replication.pairs(selection)
    with ProgressLine("planning", quiet=quiet) as line:
        return replication.plan(pairs, request, on_progress=line.update)


def select_seeds(replication: Replication, ref: str, *, find: bool = False) -> list[SeedTask]:
    """Return the seeds of `ref`; the latest seed of every pair when `ref` is empty. `find` searches AWS first."""
    from windlass.replication.seed import job
    from windlass.replication.service import latest

    if find:
        job.adopt(replication)
    return replication.select(ref) if ref else latest(replication.seeds(limit=_LATEST))
