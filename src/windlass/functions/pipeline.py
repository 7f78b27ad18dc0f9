"""`windlass.functions.pipeline.handler`: the pipelines of the windlass.toml beside it (or named by WINDLASS_CONFIG).

Sources of one function: an SQS queue of object events (with ReportBatchItemFailures), or S3, SNS and EventBridge calling it.
Without a store, a quarantined object is copied below `on_error` and logged.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import Any

from pydantic import Field

from windlass.core.errors import ConfigError
from windlass.events import ObjectEvent, read_events
from windlass.functions.runtime import (
    SharedSections,
    is_start_check,
    load_runtime,
    preload_botocore,
    start_response,
    visibility_setter,
)
from windlass.pipelines.allocator import return_freed_memory
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.handler import make_handler
from windlass.pipelines.pipeline import build_all
from windlass.pipelines.runtime import open_runner
from windlass.queues.lambda_ import lambda_handler

__all__ = ["handler"]

_OPEN = ExitStack()
"""Connections live as long as the function's process."""


class _Sections(SharedSections):
    pipeline: list[PipelineConfig] = Field(default=[])


def handler(event: Any, context: Any) -> Any:
    """Lambda's entry point; its clients are opened at the first call and kept for the next."""
    handle = _handler()
    return start_response() if is_start_check(event) else handle(event, context)


@cache
def _handler() -> Callable[[Any, Any], Any]:
    return_freed_memory()
    settings, estate = load_runtime(_Sections)
    if not settings.pipeline:
        raise ConfigError(
            "windlass.toml has no [[pipeline]] entry",
            hint="Add one with `windlass build lambda pipeline --config FILE`.",
        )
    runner = _OPEN.enter_context(open_runner(build_all(settings.pipeline), estate))
    batched = lambda_handler(make_handler(runner), postpone=visibility_setter(estate))

    def handle(event: Any, context: Any) -> Any:
        records = event.get("Records") if isinstance(event, dict) else None
        if records and all(isinstance(record, dict) and record.get("eventSource") == "aws:sqs" for record in records):
            return batched(event, context)
        events = [reading for reading in read_events(event) if isinstance(reading, ObjectEvent)]
        return {"taken": runner.handle(events)}

    return handle


preload_botocore()
