"""The policy of `windlass deploy`: it may read, create, update and delete the resources of every configured stack, and no others.

The resource names come from the stacks, so the policy covers exactly what a deployment of this windlass.toml makes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from windlass.aggregation.config import AggregateConfig
from windlass.core.errors import ConfigError
from windlass.deploy import stack_resources
from windlass.deploy.aggregator_stack import aggregator_stack
from windlass.deploy.pipeline_stack import pipeline_stack
from windlass.deploy.policies.shared import estate
from windlass.deploy.policy import ANY, Facts, Statement, Use
from windlass.deploy.stack import ResourceKind, Stack, StackLocation, StackResource
from windlass.deploy.stack_resources import BucketEvents, FunctionSettings
from windlass.queues.address import read_reference
from windlass.settings import Settings

__all__ = ["statements"]

_RULE_PREFIX = 55
"""The length to which `stack.shortened` cuts a long name before the digest."""


def statements(settings: Settings, facts: Facts, use: Use) -> Sequence[Statement]:  # noqa: ARG001  one use
    """Return what `create`, `status` and `delete` need for every entry of windlass.toml that can be deployed."""
    stacks = list(_stacks(settings, facts))
    if not stacks:
        return []
    found = [*estate(settings, facts)]
    for stack in stacks:
        here = facts.at(stack.place.account_id, stack.place.region)
        for part in stack.resources:
            found += _OF[part.kind](here, part) if part.kind in _OF else []
    buckets = [part.name for one in stacks for part in one.resources if part.kind is ResourceKind.NOTIFICATION]
    return [*found, *_of_functions(stacks), *_notifications(facts, buckets)]


def _stacks(settings: Settings, facts: Facts) -> Iterator[Stack]:
    """Yield the stacks that can be deployed: no rules in the store, and no entries with a queue in another region."""
    for pipeline in settings.pipeline:
        place = _place(facts, pipeline.account, pipeline.region, pipeline.queue)
        with contextlib.suppress(ConfigError):
            yield _with_rules(pipeline_stack(pipeline, place, FunctionSettings(), None))
    for rule in settings.aggregate:
        place = _place(facts, rule.account, rule.region, rule.queue)
        with contextlib.suppress(ConfigError):
            yield _aggregator(rule, place)


def _aggregator(rule: AggregateConfig, place: StackLocation) -> Stack:
    """Return the stack of this rule. It includes the completion rule, which a deployment reads even when no rule is strict."""
    strict = rule.model_copy(update={"strict": True})
    stack = aggregator_stack(rule.name, [strict], place, FunctionSettings(), None, buckets=["any"])
    # Patterns of buckets are resolved at deployment (--bucket); IAM accepts them as patterns.
    buckets = [
        stack_resources.notification(place, stack.mark, "", BucketEvents(one, ())) for one in rule.buckets or ["*"]
    ]
    own = (*(one for one in stack.resources if one.kind is not ResourceKind.NOTIFICATION), *buckets)
    return _with_rules(replace(stack, resources=own))


def _with_rules(stack: Stack) -> Stack:
    """Return the stack with the EventBridge rules of any bucket, which every deployment reads."""
    function = stack.resource("function").name
    rule = stack_resources.event_rule(
        stack.place, function, stack.resource("events").name, BucketEvents("*", ("s3:ObjectCreated:*",))
    )
    return replace(stack, resources=(*stack.resources, replace(rule, name=f"{function[:_RULE_PREFIX]}*")))


def _place(facts: Facts, account: str, region: str, queue: str) -> StackLocation:
    """Return the stack's location. The account may come from the queue's ARN."""
    known = account or facts.account
    said = read_reference(queue).account_id if queue and known == ANY else ""
    return StackLocation(said or known, region or facts.region)


def _queue(facts: Facts, part: StackResource) -> list[Statement]:
    actions = (
        "sqs:GetQueueUrl",
        "sqs:GetQueueAttributes",
        "sqs:ListQueueTags",
        "sqs:CreateQueue",
        "sqs:TagQueue",
        "sqs:SetQueueAttributes",
        "sqs:DeleteQueue",
    )
    return [Statement("Queues", actions, (facts.arn("sqs", part.name),), "queues of events, timers and dead letters")]


def _table(facts: Facts, part: StackResource) -> list[Statement]:
    names = (
        "DescribeTable",
        "DescribeTimeToLive",
        "ListTagsOfResource",
        "CreateTable",
        "TagResource",
        "UpdateTimeToLive",
        "DeleteTable",
    )
    actions = tuple(f"dynamodb:{one}" for one in names)
    return [Statement("Tables", actions, (facts.arn("dynamodb", f"table/{part.name}"),), "an aggregator's table")]


def _log_group(facts: Facts, part: StackResource) -> list[Statement]:
    names = ("ListTagsForResource", "CreateLogGroup", "TagResource", "PutRetentionPolicy", "DeleteLogGroup")
    group = facts.arn("logs", f"log-group:{part.name}")
    return [
        Statement(
            "FindLogs",
            ("logs:DescribeLogGroups",),
            (facts.arn("logs", "log-group:*"),),
            "log groups are listed by prefix",
        ),
        # Tags are judged by the group's ARN, all else by the one with `:*` (CloudWatch Logs user guide, "Resources").
        Statement(
            "Logs",
            tuple(f"logs:{one}" for one in names),
            (group, f"{group}:*"),
            "functions' logs, and how long they keep",
        ),
    ]


def _role(facts: Facts, part: StackResource) -> list[Statement]:
    names = (
        "GetRole",
        "GetRolePolicy",
        "ListAttachedRolePolicies",
        "ListRolePolicies",
        "CreateRole",
        "TagRole",
        "UpdateAssumeRolePolicy",
        "PutRolePolicy",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "DeleteRole",
    )
    role = facts.arn("iam", f"role/{part.name}", region="")
    passed = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    return [
        Statement(
            "Roles", tuple(f"iam:{one}" for one in names), (role,), "functions' roles, each with one inline policy"
        ),
        Statement("PassRoles", ("iam:PassRole",), (role,), "Lambda works as these roles, and nobody else", passed),
    ]


def _function(facts: Facts, part: StackResource) -> list[Statement]:
    names = (
        "GetFunction",
        "ListTags",
        "CreateFunction",
        "TagResource",
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "InvokeFunction",
        "DeleteFunction",
    )
    function = facts.arn("lambda", f"function:{part.name}")
    return [
        Statement(
            "Functions",
            tuple(f"lambda:{one}" for one in names),
            (function,),
            "functions; whose they are, their tags say",
        )
    ]


def _of_functions(stacks: Sequence[Stack]) -> list[Statement]:
    """Return the statements of resources without a name, which are restricted by their function."""
    names = [(one.place, one.resource("function").name) for one in stacks]
    functions = list(dict.fromkeys(place.arn("lambda", f"function:{name}") for place, name in names))
    rules = tuple(
        part.desired["rule_arn"] for one in stacks for part in one.resources if part.kind is ResourceKind.RULE
    )
    mappings = tuple(dict.fromkeys(place.arn("lambda", "event-source-mapping:*") for place, _ in names))
    feeding = {"ArnLike": {"lambda:FunctionArn": functions}}
    changing = ("lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping")
    found = [
        Statement(
            "FindMappings", ("lambda:ListEventSourceMappings",), ("*",), "what feeds functions; it takes no resource"
        ),
        Statement(
            "MakeMappings", ("lambda:CreateEventSourceMapping",), ("*",), "a new mapping has no ARN yet", feeding
        ),
        Statement("ChangeMappings", changing, mappings, "mappings of these functions", feeding),
    ]
    if rules:
        # events:TargetArn has several values, one per target: each must be one of the functions, and there must be one.
        targets: dict[str, dict[str, Any]] = {
            "ForAllValues:ArnLike": {"events:TargetArn": functions},
            "Null": {"events:TargetArn": "false"},
        }
        found.append(Statement("Targets", ("events:PutTargets",), rules, "rules call these functions only", targets))
    return found


def _rule(facts: Facts, part: StackResource) -> list[Statement]:
    names = (
        "DescribeRule",
        "ListTargetsByRule",
        "ListTagsForResource",
        "PutRule",
        "TagResource",
        "RemoveTargets",
        "DeleteRule",
    )
    rule, function = facts.arn("events", f"rule/{part.name}"), part.desired["function_arn"]
    by_rules = {"StringEquals": {"lambda:Principal": "events.amazonaws.com"}}
    calling = ("lambda:AddPermission", "lambda:RemovePermission")
    return [
        Statement("Rules", tuple(f"events:{one}" for one in names), (rule,), "sweeps, and completions of strict rules"),
        Statement("SeePermissions", ("lambda:GetPolicy",), (function,), "whether rules may call the function"),
        Statement("Permissions", calling, (function,), "rules may call the function, and no other service", by_rules),
    ]


def _event_rule(facts: Facts, part: StackResource) -> list[Statement]:
    names = (
        "DescribeRule",
        "ListTargetsByRule",
        "ListTagsForResource",
        "PutRule",
        "TagResource",
        "RemoveTargets",
        "DeleteRule",
    )
    rule = (facts.arn("events", f"rule/{part.name}"),)
    only: dict[str, dict[str, Any]] = {
        "ForAllValues:ArnLike": {"events:TargetArn": [part.desired["queue_arn"]]},
        "Null": {"events:TargetArn": "false"},
    }
    return [
        Statement(
            "BucketRules", tuple(f"events:{one}" for one in names), rule, "rules that send buckets' events to queues"
        ),
        Statement("BucketTargets", ("events:PutTargets",), rule, "these rules send to these queues only", only),
    ]


def _notifications(facts: Facts, buckets: Sequence[str]) -> list[Statement]:
    actions = ("s3:GetBucketNotification", "s3:PutBucketNotification")
    why = "entries of ours go into the buckets' notification configurations, and out again"
    return [Statement("Notifications", actions, tuple(facts.bucket(one) for one in buckets), why, facts.owned)]


_OF: Mapping[ResourceKind, Callable[[Facts, StackResource], list[Statement]]] = {
    ResourceKind.QUEUE: _queue,
    ResourceKind.TABLE: _table,
    ResourceKind.LOG_GROUP: _log_group,
    ResourceKind.ROLE: _role,
    ResourceKind.FUNCTION: _function,
    ResourceKind.RULE: _rule,
    ResourceKind.EVENT_RULE: _event_rule,
}
