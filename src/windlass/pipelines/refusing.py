"""Where refused objects go: a copy under `on_error`, and the reason beside it as JSON. Repeated, it writes the same."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from windlass.core.clock import format_time
from windlass.core.errors import WindlassError
from windlass.events import ObjectEvent
from windlass.pipelines.build import Pipeline
from windlass.pipelines.executor import Clients
from windlass.pipelines.model import Rejected
from windlass.pipelines.reading import look
from windlass.wire import s3

__all__ = ["keep_refused", "reason_document"]

_MAX_COPY_BYTES = 5 << 30


def keep_refused(
    pipeline: Pipeline,
    clients: Clients,
    bucket: str,
    key: str,
    error: Rejected,
    event: ObjectEvent | None,
    *,
    now: datetime,
) -> str:
    """Copy the object and its reason under on_error; where the copy is, empty when there is no on_error or no object.

    The source stays where it is: what is refused is never lost. Too large to be copied at once, only the reason is kept.
    """
    errors_bucket, prefix = pipeline.errors
    if not errors_bucket:
        return ""
    target = f"{prefix}{key}"
    version_id = event.version_id if event is not None and pipeline.target.per_version else ""
    head = look(clients.source, bucket, key)
    document = reason_document(pipeline, bucket, key, error, event, now=now)
    if head is not None and head.size_bytes <= _MAX_COPY_BYTES:
        try:
            clients.target.send(
                s3.copy(errors_bucket, target, source_bucket=bucket, source_key=key, source_version_id=version_id)
            )
        except WindlassError as problem:
            if problem.code not in ("NoSuchKey", "NoSuchVersion", "404", "InvalidObjectState"):
                raise
    headers = {"content-type": "application/json"}
    clients.target.send(s3.put(errors_bucket, f"{target}.reason.json", orjson.dumps(document), headers=headers))
    return f"s3://{errors_bucket}/{target}"


def reason_document(
    pipeline: Pipeline, bucket: str, key: str, error: Rejected, event: ObjectEvent | None, *, now: datetime
) -> dict[str, Any]:
    """The reason, for people and programs."""
    return {
        "pipeline": pipeline.name,
        "bucket": bucket,
        "key": key.encode("utf-8", "backslashreplace").decode(),
        "version_id": event.version_id if event is not None else "",
        "reason": error.reason.value,
        "message": error.message,
        "hint": error.hint,
        "at": format_time(now),
    }
