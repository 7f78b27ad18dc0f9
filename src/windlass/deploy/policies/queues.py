"""`[[consume]]`: the queues, their dead-letter queues, large payloads, and the table that remembers."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.shared import consuming, dead_letters, estate, find_queue, function_logs, kms
from windlass.deploy.policy import Facts, Statement, Use
from windlass.queues.config import ConsumeConfig
from windlass.settings import Settings

__all__ = ["statements"]


def statements(settings: Settings, facts: Facts, use: Use) -> Sequence[Statement]:
    """Return what consumers need; an operator may also list, peek, send, drain and redrive."""
    found = [*estate(settings, facts)] if use is Use.OPERATOR else []
    for config in settings.consume:
        found += _consumer(config, facts.at(config.account, config.region), use)
    if use is Use.OPERATOR:
        found += _operator(settings, facts)
    return [*found, *kms(facts, ("sqs", "s3")), *function_logs(facts, use)]


def _consumer(config: ConsumeConfig, facts: Facts, use: Use) -> list[Statement]:
    found = consuming(facts, config.queue, use, "messages are received, deleted, and given back")
    if use is Use.FUNCTION:
        found.append(find_queue(facts, config.queue))
    actions = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
    why = "a rejected message goes to the dead-letter queue"
    found.append(Statement("DeadLetter", actions, dead_letters(facts, config.queue), why))
    if "s3" in config.unwrap:
        objects = facts.arn("s3", f"{config.payload_bucket or '*'}/*", region="", account="")
        where = "large payloads are in this bucket" if config.payload_bucket else "any bucket: a message names its own"
        found.append(Statement("Payloads", ("s3:GetObject",), (objects,), where, facts.owned))
        if config.delete_payload:
            why = "a large payload is deleted after its message"
            found.append(Statement("DeletePayloads", ("s3:DeleteObject",), (objects,), why, facts.owned))
    if config.idempotency == "dynamodb":
        table = facts.arn("dynamodb", f"table/{config.idempotency_table}")
        actions = ("dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:DeleteItem")
        found.append(Statement("Remember", actions, (table,), "what was done is remembered in a table"))
    return found


def _operator(settings: Settings, facts: Facts) -> list[Statement]:
    queues = [facts.at(one.account, one.region).queue(one.queue) for one in settings.consume]
    dead = [arn for one in settings.consume for arn in dead_letters(facts.at(one.account, one.region), one.queue)]
    arns = tuple(dict.fromkeys([*queues, *dead]))
    moving = ("sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks")
    both = (
        "sqs:GetQueueUrl",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:SendMessage",
        "sqs:PurgeQueue",
    )
    found = [
        Statement("ListQueues", ("sqs:ListQueues",), (facts.arn("sqs", "*"),), "`windlass queue list`"),
        Statement(
            "OldestMessage",
            ("cloudwatch:GetMetricStatistics",),
            ("*",),
            "the age of the oldest message; it takes no resource",
        ),
    ]
    if arns:
        found.append(
            Statement("Operate", both, arns, "`windlass queue peek`, send, drain, purge, and redrive's messages")
        )
        found.append(Statement("Redrive", moving, tuple(dict.fromkeys(dead)), "`windlass queue redrive`"))
    return found
