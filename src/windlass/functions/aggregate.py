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
from windlass.aggregation.lambda_ import make_handler
from windlass.aggregation.runtime import dynamo_table, make_rule_runtime, timer_sender
from windlass.aggregation.window_engine import WindowEngine
from windlass.core.errors import ConfigError
from windlass.functions.runtime import (
    SharedSections,
    is_start_check,
    load_runtime,
    preload_botocore,
    start_response,
    visibility_setter,
)

__all__ = ["handler"]


class _Sections(SharedSections):
    aggregate: list[AggregateConfig] = Field(default=[])


def handler(event: Any, context: Any) -> Any:
    """Lambda's entry point; its clients are opened at the first call and kept for the next."""
    handle = _handler()
    return start_response() if is_start_check(event) else handle(event, context)


@cache
def _handler() -> Callable[[Any, Any], Any]:
    settings, estate = load_runtime(_Sections)
    store_rules = [rule.name for rule in settings.aggregate if not rule.table]
    if store_rules or not settings.aggregate:
        problem = (
            f"rule {store_rules[0]} keeps its keys in the store"
            if store_rules
            else "windlass.toml has no [[aggregate]] entry"
        )
        raise ConfigError(f"{problem}; a Lambda function has no store", hint="Set `table` and `timers` in each rule.")
    memory: dict[str, Any] = {}
    engine = WindowEngine(
        [
            make_rule_runtime(
                rule, estate, table=dynamo_table(rule, estate), send=timer_sender(rule, estate), memory=memory
            )
            for rule in settings.aggregate
        ]
    )
    return make_handler(engine, visibility_setter(estate))


preload_botocore()
