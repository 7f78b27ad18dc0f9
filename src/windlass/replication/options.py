"""The options of `windlass replicate`, and the request that they make."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from windlass.core.errors import UsageError
from windlass.present.output import Format
from windlass.replication.comparison import Compare
from windlass.replication.methods.batch.template import load_template
from windlass.replication.model import Attribute, Method, Operation
from windlass.replication.planning.plan import Request
from windlass.replication.seed.scheduler import request_of
from windlass.replication.service import Replication

__all__ = [
    "Carried",
    "CompareBy",
    "Destination",
    "Different",
    "Does",
    "Find",
    "Language",
    "Markers",
    "MaybeCompareBy",
    "MaybeRef",
    "Measure",
    "Output",
    "Prefix",
    "Ref",
    "RestoreDays",
    "SetName",
    "Source",
    "Strict",
    "SwitchOn",
    "TemplateFile",
    "Versioning",
    "Versions",
    "Via",
    "preserve_from",
    "request_from",
    "tags_from",
]


class Language(StrEnum):
    """How a template is printed."""

    TOML = "toml"
    JSON = "json"


class Measure(StrEnum):
    """How a plan counts objects."""

    AUTO = "auto"
    LISTING = "listing"
    METRICS = "metrics"


Source = Annotated[
    str, typer.Argument(metavar="[SOURCE]", help="Source bucket, s3://BUCKET/PREFIX, or SERVICE:BUCKET/PREFIX.")
]
Destination = Annotated[str, typer.Argument(metavar="[DEST]", help="Destination bucket, or SERVICE:BUCKET.")]
SetName = Annotated[
    str, typer.Option("--set", "-s", metavar="NAME", help="A set of windlass.toml instead of one pair.")
]
Ref = Annotated[str, typer.Argument(metavar="REF", help="A seed, job, batch job, set or bucket.")]
MaybeRef = Annotated[
    str, typer.Argument(metavar="[REF]", help="A seed, job, batch job, set or bucket; all when left out.")
]
Output = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
Via = Annotated[Method, typer.Option("--method", help="Who moves the objects; auto picks and says why.")]
Does = Annotated[
    Operation | None,
    typer.Option("--operation", help="True replicas, copies, or a function per object; replicas unless told."),
]
Prefix = Annotated[str, typer.Option("--prefix", help="Only keys that begin with this.")]
SwitchOn = Annotated[
    bool | None,
    typer.Option("--switch-on/--no-switch-on", help="Switch replication on first; for true replicas unless told."),
]
Versioning = Annotated[
    bool, typer.Option("--enable-versioning", help="Enable versioning on both buckets, where it is off.")
]
Markers = Annotated[
    bool | None,
    typer.Option(
        "--delete-markers/--no-delete-markers",
        help="Let the rule replicate delete markers, too; or leave them out of direct copies of versions, which have them.",
    ),
]
Versions = Annotated[
    bool,
    typer.Option(
        "--versions",
        help="Copies: noncurrent versions, too; directly every history in order, by batch in a job before the others.",
    ),
]
Carried = Annotated[
    str,
    typer.Option(
        "--preserve",
        metavar="WHAT",
        help="Direct copies: carry acl, lock and redirect, too (by comma); costs a request or two an object.",
    ),
]
TemplateFile = Annotated[
    Path | None,
    typer.Option("--template", "-t", metavar="FILE", help="Job template, as `replicate template` prints it."),
]
_COMPARED = "By which equal keys are compared: size, time (and size), etag (or a checksum both sides have), checksum."
CompareBy = Annotated[Compare, typer.Option("--compare", help=_COMPARED)]
MaybeCompareBy = Annotated[Compare | None, typer.Option("--compare", help=f"{_COMPARED} etag unless told.")]
Different = Annotated[
    bool,
    typer.Option(
        "--different", help="Copy what differs even where the destination's object is the newer one: it is replaced."
    ),
]
RestoreDays = Annotated[
    int,
    typer.Option(
        "--restore",
        metavar="DAYS",
        min=0,
        help="Direct copies: restore archived objects for so many days, and wait for them.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 when objects could not be compared, too.")]
Find = Annotated[bool, typer.Option("--find", help="Look in AWS for jobs that another machine made.")]


def request_from(
    replication: Replication,
    set_name: str,
    *,
    template: Path | None,
    changed: dict[str, Any] | None = None,
    method: Method = Method.AUTO,
    operation: Operation | None = None,
    switch_on: bool | None = None,
    preserve: str = "",
    compare: Compare | None = None,
    **more: Any,
) -> Request:
    """What the options ask for; a set's own settings where they say nothing."""
    base = request_of(replication.set_named(set_name)) if set_name else Request()
    chosen = load_template(template) if template else base.template
    known = {name: value for name, value in (changed or {}).items() if value}
    if "function" in known:
        chosen = chosen.model_copy(
            update={"invocation": chosen.invocation.model_copy(update={"function": known["function"]})}
        )
    if "work" in known:
        bucket, _, prefix = known["work"].removeprefix("s3://").partition("/")
        place = {"bucket": bucket} | ({"prefix": prefix} if prefix else {})
        chosen = chosen.model_copy(
            update={
                "manifest": chosen.manifest.model_copy(update=place),
                "report": chosen.report.model_copy(update=place),
            }
        )
    priority = (changed or {}).get("priority")
    plain = {"priority": replication.config.priority if priority is None and template is None else priority}
    plain = {name: value for name, value in plain.items() if value is not None}
    chosen = chosen.model_copy(update=plain | ({"tags": {**chosen.tags, **known["tags"]}} if "tags" in known else {}))
    wanted = operation or (chosen.operation if template else base.operation)
    if wanted is Operation.LAMBDA and not chosen.invocation.function:
        raise UsageError("--operation lambda needs a function", hint="Name it with --function ARN, or in the template.")
    return Request(
        **more,
        template=chosen,
        operation=wanted,
        method=method if method is not Method.AUTO else base.method,
        switch_on=base.switch_on if switch_on is None else switch_on,
        preserve=preserve_from(preserve) if preserve else base.preserve,
        compare=compare or base.compare,
    )


def preserve_from(given: str) -> frozenset[Attribute]:
    """What copies carry, given as names with commas between them."""
    try:
        return frozenset(Attribute(name.strip()) for name in given.split(","))
    except ValueError:
        known = ", ".join(Attribute)
        raise UsageError(
            f"{given!r} is nothing that copies carry", hint=f"Name any of {known}: --preserve acl,lock."
        ) from None


def tags_from(given: Sequence[str] | None) -> dict[str, str]:
    """Tags given as key=value."""
    found = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{text!r} is not a tag", hint="Write key=value.")
        found[key] = value
    return found
