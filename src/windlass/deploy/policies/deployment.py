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
from windlass.deploy.policy import ANY, PolicyFacts, PolicyIdentity, Statement
from windlass.deploy.stack import ResourceKind, Stack, StackLocation, StackResource
from windlass.deploy.stack_resources import BucketEvents, FunctionSettings
from windlass.queues.address import read_reference
from windlass.settings import Settings

__all__ = ["statements"]

_RULE_PREFIX = 55
"""The length to which `stack.shortened` cuts a long name before the digest."""


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:  # noqa: ARG001  one use
    """Return the permissions of `create`, `status` and `delete` for every entry of windlass.toml that can be deployed."""
    stacks = list(_stacks(settings, facts))
    if not stacks:
        return []
    grants = [*estate(settings, facts)]
    for stack in stacks:
        local_facts = facts.at(stack.place.account_id, stack.place.region)
        for part in stack.resources:
            grants += _OF[part.kind](local_facts, part) if part.kind in _OF else []
    buckets = [part.name for stack in stacks for part in stack.resources if part.kind is ResourceKind.NOTIFICATION]
    return [*grants, *_of_functions(stacks), *_notifications(facts, buckets)]


def _stacks(settings: Settings, facts: PolicyFacts) -> Iterator[Stack]:
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
    """Return the stack of this rule, with the completion rule, which a deployment reads even when no rule is strict."""
    strict = rule.model_copy(update={"strict": True})
    stack = aggregator_stack(rule.name, [strict], place, FunctionSettings(), None, buckets=["any"])
    # Patterns of buckets are resolved at deployment (--bucket); IAM accepts them as patterns.
    buckets = [
        stack_resources.notification(place, stack.mark, "", BucketEvents(bucket, ()))
        for bucket in rule.buckets or ["*"]
    ]
    own = (*(resource for resource in stack.resources if resource.kind is not ResourceKind.NOTIFICATION), *buckets)
    return _with_rules(replace(stack, resources=own))


def _with_rules(stack: Stack) -> Stack:
    """Return the stack with the EventBridge rules of any bucket, which every deployment reads."""
    function = stack.resource("function").name
    rule = stack_resources.event_rule(
        stack.place, function, stack.resource("events").name, BucketEvents("*", ("s3:ObjectCreated:*",))
    )
    return replace(stack, resources=(*stack.resources, replace(rule, name=f"{function[:_RULE_PREFIX]}*")))


def _place(facts: PolicyFacts, account: str, region: str, queue: str) -> StackLocation:
    """Return the stack's location. The account may come from the queue's ARN."""
    known = account or facts.account
    queue_account = read_reference(queue).account_id if queue and known == ANY else ""
    return StackLocation(queue_account or known, region or facts.region)


def _queue(facts: PolicyFacts, part: StackResource) -> list[Statement]:
    actions = (
        "sqs:GetQueueUrl",
        "sqs:GetQueueAttributes",
        "sqs:ListQueueTags",
        "sqs:CreateQueue",
        "sqs:TagQueue",
        "sqs:SetQueueAttributes",
        "sqs:DeleteQueue",
    )
    return [
        Statement("Queues", actions, (facts.arn("sqs", part.name),), "manage queues of events, timers and dead letters")
    ]


def _table(facts: PolicyFacts, part: StackResource) -> list[Statement]:
    names = (
        "DescribeTable",
        "DescribeTimeToLive",
        "ListTagsOfResource",
        "CreateTable",
        "TagResource",
        "UpdateTimeToLive",
        "DeleteTable",
    )
    actions = tuple(f"dynamodb:{name}" for name in names)
    return [
        Statement("Tables", actions, (facts.arn("dynamodb", f"table/{part.name}"),), "manage an aggregator's table")
    ]


def _log_group(facts: PolicyFacts, part: StackResource) -> list[Statement]:
    names = ("ListTagsForResource", "CreateLogGroup", "TagResource", "PutRetentionPolicy", "DeleteLogGroup")
    group = facts.arn("logs", f"log-group:{part.name}")
    return [
        Statement(
            "FindLogs",
            ("logs:DescribeLogGroups",),
            (facts.arn("logs", "log-group:*"),),
            "list log groups by prefix",
        ),
        # CloudWatch Logs checks tags by the group's ARN, and other actions by the ARN with `:*` (user guide, "Resources").
        Statement(
            "Logs",
            tuple(f"logs:{name}" for name in names),
            (group, f"{group}:*"),
            "manage functions' log groups and their retention",
        ),
    ]


def _role(facts: PolicyFacts, part: StackResource) -> list[Statement]:
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
    passed_to = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    return [
        Statement(
            "Roles",
            tuple(f"iam:{name}" for name in names),
            (role,),
            "manage functions' roles, each with one inline policy",
        ),
        Statement("PassRoles", ("iam:PassRole",), (role,), "pass these roles to Lambda only", passed_to),
    ]


def _function(facts: PolicyFacts, part: StackResource) -> list[Statement]:
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
            tuple(f"lambda:{name}" for name in names),
            (function,),
            "manage functions, recognised by their tags",
        )
    ]


def _of_functions(stacks: Sequence[Stack]) -> list[Statement]:
    """Return the statements of resources without a name, which are restricted by their function."""
    names = [(stack.place, stack.resource("function").name) for stack in stacks]
    functions = list(dict.fromkeys(place.arn("lambda", f"function:{name}") for place, name in names))
    rules = tuple(
        part.desired["rule_arn"] for stack in stacks for part in stack.resources if part.kind is ResourceKind.RULE
    )
    mappings = tuple(dict.fromkeys(place.arn("lambda", "event-source-mapping:*") for place, _ in names))
    feeding = {"ArnLike": {"lambda:FunctionArn": functions}}
    changing = ("lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping")
    grants = [
        Statement(
            "FindMappings",
            ("lambda:ListEventSourceMappings",),
            ("*",),
            "list event source mappings; the action has no resource",
        ),
        Statement(
            "MakeMappings",
            ("lambda:CreateEventSourceMapping",),
            ("*",),
            "create mappings: a new mapping has no ARN yet",
            feeding,
        ),
        Statement("ChangeMappings", changing, mappings, "change mappings of these functions", feeding),
    ]
    if rules:
        # events:TargetArn has one value per target: each must be one of the functions, and at least one must exist.
        targets: dict[str, dict[str, Any]] = {
            "ForAllValues:ArnLike": {"events:TargetArn": functions},
            "Null": {"events:TargetArn": "false"},
        }
        grants.append(
            Statement("Targets", ("events:PutTargets",), rules, "let rules invoke these functions only", targets)
        )
    return grants


def _rule(facts: PolicyFacts, part: StackResource) -> list[Statement]:
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
        Statement("Rules", tuple(f"events:{name}" for name in names), (rule,), "manage schedules and completion rules"),
        Statement("SeePermissions", ("lambda:GetPolicy",), (function,), "read whether rules may invoke the function"),
        Statement(
            "Permissions", calling, (function,), "let rules, and no other service, invoke the function", by_rules
        ),
    ]


def _event_rule(facts: PolicyFacts, part: StackResource) -> list[Statement]:
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
            "BucketRules",
            tuple(f"events:{name}" for name in names),
            rule,
            "manage rules that send buckets' events to queues",
        ),
        Statement("BucketTargets", ("events:PutTargets",), rule, "let these rules send to these queues only", only),
    ]


def _notifications(facts: PolicyFacts, buckets: Sequence[str]) -> list[Statement]:
    actions = ("s3:GetBucketNotification", "s3:PutBucketNotification")
    why = "add and remove our entries in the buckets' notification configurations"
    return [Statement("Notifications", actions, tuple(facts.bucket(bucket) for bucket in buckets), why, facts.owned)]


_OF: Mapping[ResourceKind, Callable[[PolicyFacts, StackResource], list[Statement]]] = {
    ResourceKind.QUEUE: _queue,
    ResourceKind.TABLE: _table,
    ResourceKind.LOG_GROUP: _log_group,
    ResourceKind.ROLE: _role,
    ResourceKind.FUNCTION: _function,
    ResourceKind.RULE: _rule,
    ResourceKind.EVENT_RULE: _event_rule,
}
