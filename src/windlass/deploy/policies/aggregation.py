"""The policy of `[[aggregate]]`: the queue of events, the table of keys, the queue of timers, and the calls of the action."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from windlass.aggregation.actions import ActionConfig
from windlass.aggregation.config import AggregateConfig
from windlass.core.arns import parse_arn
from windlass.deploy.policies.shared import consuming, dead_letters, estate, function_logs, kms
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement
from windlass.settings import Settings

__all__ = ["action_statements", "statements"]


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:
    """Return the permissions of the rules; an operator also creates their table and timer queue (`windlass aggregate init`)."""
    grants: list[Statement] = [*estate(settings, facts)] if use is PolicyIdentity.OPERATOR else []
    for config in settings.aggregate:
        local_facts = facts.at(config.account, config.region)
        grants += consuming(local_facts, config.queue, use, "object events are counted")
        if use is not PolicyIdentity.FUNCTION:
            actions = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")
            why = "a message without an object event goes to the dead-letter queue"
            grants.append(Statement("DeadLetter", actions, dead_letters(local_facts, config.queue), why))
        if config.table:
            grants += _keys(config, local_facts, use)
        grants += action_statements(config.action, local_facts)
        if config.action.kind == "storage-gateway-refresh" and config.ignore_gateway_writes:
            grants.append(_gateway_roles(local_facts))
    return [*grants, *kms(facts, ("sqs", "sns", "dynamodb")), *function_logs(facts, use)]


def _keys(config: AggregateConfig, facts: PolicyFacts, use: PolicyIdentity) -> list[Statement]:
    table, timers = facts.arn("dynamodb", f"table/{config.table}"), facts.queue(config.timers)
    items = ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Scan"]
    if config.strict:  # the tokens of completions are written to the table
        items.append("dynamodb:PutItem")
    grants = [
        Statement("Keys", tuple(items), (table,), "count and claim the events of keys; find lost timers"),
        Statement(
            "SendTimers",
            ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
            (timers,),
            "send timers as delayed messages",
        ),
        *consuming(facts, config.timers, use, "receive timers"),
    ]
    if use is PolicyIdentity.OPERATOR:
        grants.append(
            Statement(
                "PrepareTable",
                ("dynamodb:DescribeTable", "dynamodb:CreateTable"),
                (table,),
                "`windlass aggregate init`",
            )
        )
        grants.append(
            Statement("PrepareTimers", ("sqs:CreateQueue",), (timers,), "`windlass aggregate init` creates the queue")
        )
    return grants


def action_statements(action: ActionConfig, facts: PolicyFacts) -> list[Statement]:
    """Return the permissions of an action's own calls."""
    return _ACTIONS[action.kind](action, facts)


def _cloudfront(action: Any, facts: PolicyFacts) -> list[Statement]:
    arn = facts.arn("cloudfront", f"distribution/{action.distribution_id}", region="")
    return [Statement("Invalidate", ("cloudfront:CreateInvalidation",), (arn,), "run the action")]


def _gateway(action: Any, facts: PolicyFacts) -> list[Statement]:  # noqa: ARG001  the shares follow from the events
    share = facts.arn("storagegateway", "share/*")
    shares = (
        "storagegateway:DescribeNFSFileShares",
        "storagegateway:DescribeSMBFileShares",
        "storagegateway:RefreshCache",
    )
    return [
        Statement(
            "ListShares",
            ("storagegateway:ListFileShares",),
            (facts.arn("storagegateway", "*"),),
            "list and describe file shares to find those over a bucket",
        ),
        Statement(
            "RefreshShares", shares, (share,), "run the action: the shares over a bucket are grants when a window ends"
        ),
    ]


def _gateway_roles(facts: PolicyFacts) -> Statement:
    role = facts.arn("iam", "role/*", region="")
    why = "recognise the gateway's own writes by the unique id of a share's role"
    return Statement("GatewayRoles", ("iam:GetRole",), (role,), why)


def _sns(action: Any, facts: PolicyFacts) -> list[Statement]:  # noqa: ARG001
    return [Statement("Publish", ("sns:Publish",), (action.topic_arn,), "run the action")]


def _sqs(action: Any, facts: PolicyFacts) -> list[Statement]:
    return [Statement("Send", ("sqs:SendMessage",), (facts.queue(action.queue_url),), "run the action")]


def _lambda(action: Any, facts: PolicyFacts) -> list[Statement]:
    arn = action.function if parse_arn(action.function) else facts.arn("lambda", f"function:{action.function}")
    named = f"{arn}:{action.qualifier}" if action.qualifier else arn
    return [Statement("Invoke", ("lambda:InvokeFunction",), (named,), "run the action")]


def _nothing(action: Any, facts: PolicyFacts) -> list[Statement]:  # noqa: ARG001
    return []


_ACTIONS: Mapping[str, Callable[[Any, PolicyFacts], list[Statement]]] = {
    "storage-gateway-refresh": _gateway,
    "cloudfront-invalidate": _cloudfront,
    "sns-publish": _sns,
    "sqs-send": _sqs,
    "lambda-invoke": _lambda,
    "http-post": _nothing,
    "exec": _nothing,  # you allow the calls of your own command or function
    "python": _nothing,
}
