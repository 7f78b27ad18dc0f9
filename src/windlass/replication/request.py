"""Requests from the options of `windlass replicate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from windlass.core.errors import UsageError
from windlass.replication.comparison import Compare
from windlass.replication.methods.batch.template import load_template
from windlass.replication.model import Attribute, Method, Operation
from windlass.replication.planning.request import SeedRequest, request_of
from windlass.replication.service import Replication

__all__ = ["preserve_from", "request_from"]


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
) -> SeedRequest:
    """Return the request for the options. The set's settings apply to options that are not given."""
    base = request_of(replication.set_named(set_name)) if set_name else SeedRequest()
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
    chosen_operation = operation or (chosen.operation if template else base.operation)
    if chosen_operation is Operation.LAMBDA and not chosen.invocation.function:
        raise UsageError("--operation lambda needs a function", hint="Name it with --function ARN, or in the template.")
    return SeedRequest(
        **more,
        template=chosen,
        operation=chosen_operation,
        method=method if method is not Method.AUTO else base.method,
        switch_on=base.switch_on if switch_on is None else switch_on,
        preserve=preserve_from(preserve) if preserve else base.preserve,
        compare=compare or base.compare,
    )


def preserve_from(text: str) -> frozenset[Attribute]:
    """Parse the attributes to preserve, comma-separated. UsageError for an unknown one."""
    try:
        return frozenset(Attribute(name.strip()) for name in text.split(","))
    except ValueError:
        known = ", ".join(Attribute)
        raise UsageError(
            f"copies cannot preserve {text!r}", hint=f"Name any of {known}: --preserve acl,lock."
        ) from None
