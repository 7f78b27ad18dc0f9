"""The runtime of a rule: its table, timers, action and AWS calls. The caller gives the store's tables, or they are in AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from windlass.aggregation.action_runner import ActionRunner
from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.model import Timer
from windlass.aggregation.rules import AggregationRule
from windlass.aggregation.tables.base import KeyTable
from windlass.aggregation.tables.dynamodb import DynamoTable
from windlass.aggregation.timeline import Window
from windlass.aggregation.timers import queue_sender
from windlass.aggregation.window_engine import RuleRuntime
from windlass.core.errors import ConfigError
from windlass.queues.lookup import find_queue

if TYPE_CHECKING:  # botocore is loaded when the estate is opened
    from windlass.estate.service import Estate

__all__ = ["dynamo_table", "location_of", "make_rule_runtime", "timer_sender"]


def location_of(config: AggregateConfig, estate: Estate) -> tuple[str, str]:
    """Return account and region of a rule's queue, table and action."""
    return config.account or estate.accounts()[0].id, config.region or estate.config.home_region


def dynamo_table(config: AggregateConfig, estate: Estate) -> DynamoTable:
    """Return the rule's DynamoDB table."""
    account, region = location_of(config, estate)

    def call(operation: str, /, **params: Any) -> dict[str, Any]:
        return estate.call(account, region, "dynamodb", operation, **params)

    return DynamoTable(call, config.table)


def timer_sender(config: AggregateConfig, estate: Estate) -> Callable[[Timer, int], None]:
    """Return a function that sends the rule's timers to its queue; ConfigError for a FIFO queue."""
    account, region = location_of(config, estate)
    queue = find_queue(estate, config.timers, account_id=account, region=region)
    if queue.fifo:
        raise ConfigError(
            f"rule {config.name}: {queue.name} is a FIFO queue, which cannot delay single messages",
            hint="Use a standard queue for timers.",
        )

    def call(operation: str, /, **params: Any) -> dict[str, Any]:
        return estate.call(queue.account_id, queue.region, "sqs", operation, **params)

    return queue_sender(call, queue.url)


def make_rule_runtime(
    config: AggregateConfig,
    estate: Estate,
    *,
    table: KeyTable,
    send: Callable[[Timer, int], None],
    memory: dict[str, Any],
    record: Callable[[Window], None] = lambda _: None,
) -> RuleRuntime:
    """Return the rule, ready to run. `record` receives its windows; its actions share `memory` in this process."""
    account, region = location_of(config, estate)

    def call(service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        return estate.call(account, region, service, operation, **params)

    acting = ActionRunner(
        config.action, call, account_id=account, region=region, memory=memory, table=table, record=record
    )
    return RuleRuntime(AggregationRule(config), table, send, acting.act, call, memory)
