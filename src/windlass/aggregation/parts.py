"""A rule put together with what it needs; keys and timers are the caller's, or in DynamoDB and a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from windlass.aggregation.acting import Acting
from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.engine import Part
from windlass.aggregation.model import Timer
from windlass.aggregation.rules import Rule
from windlass.aggregation.tables.base import Table
from windlass.aggregation.tables.dynamodb import DynamoTable
from windlass.aggregation.timeline import Window
from windlass.aggregation.timers import queue_sender
from windlass.core.errors import ConfigError
from windlass.queues.lookup import find_queue

if TYPE_CHECKING:  # botocore is loaded by who opens the estate
    from windlass.estate.service import Estate

__all__ = ["dynamo_table", "make_part", "place_of", "timer_sender"]


def place_of(config: AggregateConfig, estate: Estate) -> tuple[str, str]:
    """Account and region of a rule's queue, table and action."""
    return config.account or estate.accounts()[0].id, config.region or estate.config.home_region


def dynamo_table(config: AggregateConfig, estate: Estate) -> DynamoTable:
    """The rule's table in DynamoDB."""
    account, region = place_of(config, estate)

    def call(operation: str, /, **params: Any) -> dict[str, Any]:
        return estate.call(account, region, "dynamodb", operation, **params)

    return DynamoTable(call, config.table)


def timer_sender(config: AggregateConfig, estate: Estate) -> Callable[[Timer, int], None]:
    """What sends the rule's timers to its queue; ConfigError for a FIFO queue."""
    account, region = place_of(config, estate)
    queue = find_queue(estate, config.timers, account_id=account, region=region)
    if queue.fifo:
        raise ConfigError(
            f"rule {config.name}: {queue.name} is a FIFO queue, which delays no single message",
            hint="Use a standard queue for timers.",
        )

    def call(operation: str, /, **params: Any) -> dict[str, Any]:
        return estate.call(queue.account_id, queue.region, "sqs", operation, **params)

    return queue_sender(call, queue.url)


def make_part(
    config: AggregateConfig,
    estate: Estate,
    *,
    table: Table,
    send: Callable[[Timer, int], None],
    memory: dict[str, Any],
    record: Callable[[Window], None] = lambda _: None,
) -> Part:
    """The rule, ready to run. `record` is told of its windows; `memory` is what its actions share in this process."""
    account, region = place_of(config, estate)

    def call(service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        return estate.call(account, region, service, operation, **params)

    acting = Acting(config.action, call, account_id=account, region=region, memory=memory, table=table, record=record)
    return Part(Rule(config), table, send, acting.act, call, memory)
