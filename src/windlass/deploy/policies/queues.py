"""The policy of `[[consume]]`: the queues, their dead-letter queues, large payloads, and the ledger table."""

from __future__ import annotations

from collections.abc import Sequence

from windlass.deploy.policies.shared import consuming, dead_letters, estate, find_queue, function_logs, kms
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement
from windlass.queues.config import ConsumeConfig
from windlass.settings import Settings

__all__ = ["statements"]


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:
    """Return what consumers need; an operator may also list, peek, send, drain and redrive."""
    grants = [*estate(settings, facts)] if use is PolicyIdentity.OPERATOR else []
    for config in settings.consume:
        grants += _consumer(config, facts.at(config.account, config.region), use)
    if use is PolicyIdentity.OPERATOR:
        grants += _operator(settings, facts)
    return [*grants, *kms(facts, ("sqs", "s3")), *function_logs(facts, use)]


def _consumer(config: ConsumeConfig, facts: PolicyFacts, use: PolicyIdentity) -> list[Statement]:
    grants = consuming(facts, config.queue, use, "receive, delete and return messages")
    if use is PolicyIdentity.FUNCTION:
        grants.append(find_queue(facts, config.queue))
    actions = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
    why = "send rejected messages to the dead-letter queue"
    grants.append(Statement("DeadLetter", actions, dead_letters(facts, config.queue), why))
    if "s3" in config.unwrap:
        objects = facts.arn("s3", f"{config.payload_bucket or '*'}/*", region="", account="")
        where = (
            "read large payloads in this bucket"
            if config.payload_bucket
            else "read large payloads; a message names its bucket"
        )
        grants.append(Statement("Payloads", ("s3:GetObject",), (objects,), where, facts.owned))
        if config.delete_payload:
            why = "delete a large payload after its message"
            grants.append(Statement("DeletePayloads", ("s3:DeleteObject",), (objects,), why, facts.owned))
    if config.idempotency == "dynamodb":
        table = facts.arn("dynamodb", f"table/{config.idempotency_table}")
        actions = ("dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:DeleteItem")
        grants.append(Statement("Remember", actions, (table,), "record handled messages in the ledger table"))
    return grants


def _operator(settings: Settings, facts: PolicyFacts) -> list[Statement]:
    queues = [facts.at(config.account, config.region).queue(config.queue) for config in settings.consume]
    dead = [
        arn
        for config in settings.consume
        for arn in dead_letters(facts.at(config.account, config.region), config.queue)
    ]
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
    grants = [
        Statement("ListQueues", ("sqs:ListQueues",), (facts.arn("sqs", "*"),), "`windlass queue list`"),
        Statement(
            "OldestMessage",
            ("cloudwatch:GetMetricStatistics",),
            ("*",),
            "read the age of the oldest message; the action has no resource",
        ),
    ]
    if arns:
        grants.append(Statement("Operate", both, arns, "`windlass queue peek`, `send`, `drain`, `purge` and `redrive`"))
        grants.append(Statement("Redrive", moving, tuple(dict.fromkeys(dead)), "`windlass queue redrive`"))
    return grants
