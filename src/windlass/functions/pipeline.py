"""`windlass.functions.pipeline.handler`: the pipelines of the windlass.toml beside it (or named by WINDLASS_CONFIG).

Sources of one function: an SQS queue of object events (with ReportBatchItemFailures), or S3, SNS and EventBridge calling it.
Without a store, what is refused is kept under `on_error` and logged.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from windlass.app import App
from windlass.events import ObjectEvent, read_events
from windlass.pipelines.memory import give_back_what_is_freed
from windlass.pipelines.service import Pipelines
from windlass.pipelines.worker import handler_of
from windlass.queues.lambda_ import lambda_handler
from windlass.settings import load

__all__ = ["handler"]

_OPEN = ExitStack()
"""Connections live as long as the function's process."""


def handler(event: Any, context: Any) -> Any:
    """Lambda's entry point; the parts are made at the first call and kept for the next."""
    return _made()(event, context)


@cache
def _made() -> Callable[[Any, Any], Any]:
    give_back_what_is_freed()
    folder = Path(os.environ.get("LAMBDA_TASK_ROOT", "."))
    app = App(load(environ=os.environ, cwd=folder), environ=os.environ)
    pipelines = Pipelines(app.settings.pipeline, estate=lambda: app.estate, queues=lambda: app.queues, store=None)
    engine = _OPEN.enter_context(pipelines.engine())
    batched = lambda_handler(handler_of(engine))

    def handle(event: Any, context: Any) -> Any:
        records = event.get("Records") if isinstance(event, dict) else None
        if records and all(isinstance(one, dict) and one.get("eventSource") == "aws:sqs" for one in records):
            return batched(event, context)
        events = [one for one in read_events(event) if isinstance(one, ObjectEvent)]
        return {"taken": engine.handle(events)}

    return handle
