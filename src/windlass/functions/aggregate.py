"""`windlass.functions.aggregate.handler`: the rules of the windlass.toml beside it (or named by WINDLASS_CONFIG).

Sources of one function: the queue of object events and the queue of timers (SQS mappings with ReportBatchItemFailures),
completion events and a schedule (EventBridge). Rules need a DynamoDB table and a timer queue: a function keeps nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from windlass.aggregation.lambda_ import make_handler
from windlass.aggregation.service import Aggregation
from windlass.app import App
from windlass.core.errors import ConfigError
from windlass.settings import load

__all__ = ["handler"]


def handler(event: Any, context: Any) -> Any:
    """Lambda's entry point; the parts are made at the first call and kept for the next."""
    return _made()(event, context)


@cache
def _made() -> Callable[[Any, Any], Any]:
    folder = Path(os.environ.get("LAMBDA_TASK_ROOT", "."))
    app = App(load(environ=os.environ, cwd=folder), environ=os.environ)
    kept = [one.name for one in app.settings.aggregate if not one.table]
    if kept or not app.settings.aggregate:
        what = f"rule {kept[0]} keeps its keys in the store" if kept else "windlass.toml has no [[aggregate]] entry"
        raise ConfigError(f"{what}: a Lambda function has none", hint="Give each rule `table` and `timers`.")
    aggregation = Aggregation(
        app.settings.aggregate, estate=lambda: app.estate, queues=lambda: app.queues, store=lambda: app.store, record=False
    )  # fmt: skip

    open_queue = cache(app.queues.open)

    def postpone(queue_arn: str, receipt: str, seconds: int) -> None:
        queue = open_queue(queue_arn)
        call = app.queues.caller(queue.account_id, queue.region, "sqs")
        call("ChangeMessageVisibility", QueueUrl=queue.url, ReceiptHandle=receipt, VisibilityTimeout=seconds)

    return make_handler(aggregation.engine(aggregation.configs), postpone)
