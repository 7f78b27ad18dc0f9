"""`[[aggregate]]`: the queue of events, the table of keys, the queue of timers, and what the action does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from windlass.aggregation.config import AggregateConfig
from windlass.core.arns import parse_arn
from windlass.deploy.policies.shared import consuming, dead_letters, estate, function_logs, kms
from windlass.deploy.policy import Facts, Statement, Use
from windlass.settings import Settings

__all__ = ["statements"]


def statements(settings: Settings, facts: Facts, use: Use) -> Sequence[Statement]:
    """What the rules need; an operator also makes their table and timer queue (`windlass aggregate init`)."""
    found: list[Statement] = [*estate(settings, facts)] if use is Use.OPERATOR else []
    for config in settings.aggregate:
        here = facts.at(config.account, config.region)
        found += consuming(here, config.queue, use, "object events are counted")
        if use is not Use.FUNCTION:
            actions = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
            why = "a message without an object event goes to the dead-letter queue"
            found.append(Statement("DeadLetter", actions, dead_letters(here, config.queue), why))
        if config.table:
            found += _keys(config, here, use)
        found += _ACTIONS[config.action.kind](config, here)
    return [*found, *kms(facts, ("sqs", "sns", "dynamodb")), *function_logs(facts, use)]


def _keys(config: AggregateConfig, facts: Facts, use: Use) -> list[Statement]:
    table, timers = facts.arn("dynamodb", f"table/{config.table}"), facts.queue(config.timers)
    items = ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Scan"]
    if config.strict:  # what a completion will be known by is written down
        items.append("dynamodb:PutItem")
    found = [
        Statement("Keys", tuple(items), (table,), "keys are counted and claimed; lost timers are sent again"),
        Statement(
            "SendTimers",
            ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
            (timers,),
            "a timer is a delayed message",
        ),
        *consuming(facts, config.timers, use, "timers come back as messages"),
    ]
    if use is Use.OPERATOR:
        found.append(
            Statement(
                "PrepareTable",
                ("dynamodb:DescribeTable", "dynamodb:CreateTable"),
                (table,),
                "`windlass aggregate init`",
            )
        )
        found.append(
            Statement("PrepareTimers", ("sqs:CreateQueue",), (timers,), "`windlass aggregate init` makes the queue")
        )
    return found


def _cloudfront(config: AggregateConfig, facts: Facts) -> list[Statement]:
    action: Any = config.action
    arn = facts.arn("cloudfront", f"distribution/{action.distribution_id}", region="")
    return [Statement("Invalidate", ("cloudfront:CreateInvalidation",), (arn,), "the action")]


def _gateway(config: AggregateConfig, facts: Facts) -> list[Statement]:
    share = facts.arn("storagegateway", "share/*")
    shares = (
        "storagegateway:DescribeNFSFileShares",
        "storagegateway:DescribeSMBFileShares",
        "storagegateway:RefreshCache",
    )
    found = [
        Statement(
            "ListShares",
            ("storagegateway:ListFileShares",),
            (facts.arn("storagegateway", "*"),),
            "shares over a bucket are looked for",
        ),
        Statement(
            "RefreshShares", shares, (share,), "the action: shares are found by their bucket, when a window ends"
        ),
    ]
    if config.ignore_gateway_writes:
        role = facts.arn("iam", "role/*", region="")
        found.append(
            Statement(
                "GatewayRoles", ("iam:GetRole",), (role,), "a share's role tells the gateway's own writes (its RoleId)"
            )
        )
    return found


def _sns(config: AggregateConfig, facts: Facts) -> list[Statement]:  # noqa: ARG001
    action: Any = config.action
    return [Statement("Publish", ("sns:Publish",), (action.topic_arn,), "the action")]


def _sqs(config: AggregateConfig, facts: Facts) -> list[Statement]:
    action: Any = config.action
    return [Statement("Send", ("sqs:SendMessage",), (facts.queue(action.queue_url),), "the action")]


def _lambda(config: AggregateConfig, facts: Facts) -> list[Statement]:
    action: Any = config.action
    arn = action.function if parse_arn(action.function) else facts.arn("lambda", f"function:{action.function}")
    named = f"{arn}:{action.qualifier}" if action.qualifier else arn
    return [Statement("Invoke", ("lambda:InvokeFunction",), (named,), "the action")]


def _nothing(config: AggregateConfig, facts: Facts) -> list[Statement]:  # noqa: ARG001
    return []


_ACTIONS: Mapping[str, Callable[[AggregateConfig, Facts], list[Statement]]] = {
    "storage-gateway-refresh": _gateway,
    "cloudfront-invalidate": _cloudfront,
    "sns-publish": _sns,
    "sqs-send": _sqs,
    "lambda-invoke": _lambda,
    "http-post": _nothing,
    "exec": _nothing,  # what a command or function of yours calls is yours to allow
    "python": _nothing,
}
