"""`windlass.functions.aggregate.handler`: the rules of the windlass.toml beside it (or named by WINDLASS_CONFIG).

Sources of one function: the queue of object events and the queue of timers (SQS mappings with ReportBatchItemFailures),
completion events and a schedule (EventBridge). Rules need a DynamoDB table and a timer queue, because a function has no store.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from pydantic import Field

from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.engine import Engine
from windlass.aggregation.lambda_ import make_handler
from windlass.aggregation.parts import dynamo_table, make_part, timer_sender
from windlass.core.errors import ConfigError
from windlass.functions.runtime import (
    SharedSections,
    is_start_check,
    load_runtime,
    preload_botocore,
    start_answer,
    visibility_setter,
)

__all__ = ["handler"]


class _Sections(SharedSections):
    aggregate: list[AggregateConfig] = Field(default=[])


def handler(event: Any, context: Any) -> Any:
    """Lambda's entry point; its clients are opened at the first call and kept for the next."""
    made = _made()
    return start_answer() if is_start_check(event) else made(event, context)


@cache
def _made() -> Callable[[Any, Any], Any]:
    settings, estate = load_runtime(_Sections)
    kept = [one.name for one in settings.aggregate if not one.table]
    if kept or not settings.aggregate:
        what = f"rule {kept[0]} keeps its keys in the store" if kept else "windlass.toml has no [[aggregate]] entry"
        raise ConfigError(f"{what}; a Lambda function has no store", hint="Set `table` and `timers` in each rule.")
    memory: dict[str, Any] = {}
    engine = Engine(
        [
            make_part(one, estate, table=dynamo_table(one, estate), send=timer_sender(one, estate), memory=memory)
            for one in settings.aggregate
        ]
    )
    return make_handler(engine, visibility_setter(estate))


preload_botocore()
