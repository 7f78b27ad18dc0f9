"""Quarantine: a refused object is copied below `on_error`, with the reason beside it as JSON. Idempotent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from windlass.core.clock import format_time
from windlass.core.errors import WindlassError
from windlass.events import ObjectEvent
from windlass.pipelines.executor import PipelineClients
from windlass.pipelines.model import Rejected
from windlass.pipelines.pipeline import Pipeline
from windlass.pipelines.source_reader import find_head
from windlass.wire import s3

__all__ = ["quarantine", "reason_document"]

_MAX_COPY_BYTES = 5 << 30


def quarantine(
    pipeline: Pipeline,
    clients: PipelineClients,
    bucket: str,
    key: str,
    error: Rejected,
    event: ObjectEvent | None,
    *,
    now: datetime,
) -> str:
    """Copy a refused object and its reason below `on_error`. Return the copy's URL; empty without `on_error`.

    The source is never moved or deleted. For an object larger than one CopyObject takes, only the reason is written.
    """
    errors_bucket, prefix = pipeline.errors
    if not errors_bucket:
        return ""
    target = f"{prefix}{key}"
    version_id = event.version_id if event is not None and pipeline.target.per_version else ""
    head = find_head(clients.source, bucket, key)
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
    """Return the reason as a JSON document."""
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
