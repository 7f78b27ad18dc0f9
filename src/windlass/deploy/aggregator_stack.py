"""The stack of an aggregator, from the [[aggregate]] entries of one queue. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from windlass.aggregation.config import AggregateConfig
from windlass.core.errors import ConfigError, UsageError
from windlass.deploy import stack_resources as resources
from windlass.deploy.function_roles import rules_policy
from windlass.deploy.pipeline_stack import queue_name
from windlass.deploy.stack import FunctionCode, ResourceKind, Stack, StackKind, StackLocation, StackResource, shortened
from windlass.deploy.stack_resources import BucketEvents, FunctionSettings, fewest_filters

__all__ = ["aggregator_stack", "completion_rule"]

HANDLER = "windlass.functions.aggregate.handler"
BATCH = 1000
TIMER_BATCH = 10
TIMER_VISIBILITY_S = 360
TIMER_RECEIVES = 1000
"""A timer that arrives early is returned, which counts as a receive: only an unreadable message reaches this limit."""
_EVENTS = {
    "created": ("s3:ObjectCreated:*",),
    "removed": ("s3:ObjectRemoved:*",),
    "restored": ("s3:ObjectRestore:*",),
    "replication": ("s3:Replication:*",),
    "lifecycle": ("s3:LifecycleExpiration:*", "s3:LifecycleTransition"),
    "tiering": ("s3:IntelligentTiering",),
    "tagging": ("s3:ObjectTagging:*",),
    "acl": ("s3:ObjectAcl:Put",),
    "lost": ("s3:ReducedRedundancyLostObject",),
}
_COMPLETIONS: Mapping[str, Any] = {
    "EventPattern": {"source": ["aws.storagegateway"], "detail-type": ["Storage Gateway Refresh Cache Event"]}
}


def aggregator_stack(
    name: str,
    rules: Sequence[AggregateConfig],
    place: StackLocation,
    settings: FunctionSettings,
    code: FunctionCode | None,
    buckets: Sequence[str] = (),
) -> Stack:
    """Return the stack that runs the rules of one queue as one function. `buckets` replace those in the rules."""
    _check(rules)
    first = rules[0]
    table, queue, timers = first.table, queue_name(first.queue, place), queue_name(first.timers, place)
    function, dead = shortened(f"windlass-{name}"), shortened(f"{queue}-dead", 80)
    role = shortened(f"{function}-{place.region}")
    mark = Stack(StackKind.AGGREGATOR, name, place, ()).mark
    sources = _sources(rules, buckets)
    event_sources, rule_arns = resources.event_sources(place, mark, function, queue, sources, settings.via)
    log = resources.log_group(function)
    window_s = min(300, math.ceil(min(rule.batch_window_s for rule in rules)))
    policy = rules_policy(rules, place, function, settings.kms_key_arns)
    return Stack(
        StackKind.AGGREGATOR,
        name,
        place,
        (
            resources.dead_letter_queue(dead),
            resources.events_queue(
                place, queue, dead, settings.visibility_s + window_s, mark, sources, rule_arns=rule_arns
            ),
            resources.events_queue(
                place,
                timers,
                dead,
                max(TIMER_VISIBILITY_S, settings.visibility_s),
                mark,
                (),
                purpose="timers",
                receives=TIMER_RECEIVES,
            ),
            StackResource("table", ResourceKind.TABLE, table, {"ttl": "expires"}),
            log,
            resources.role(role, policy, f"Windlass aggregator {name}"),
            resources.function(place, function, role, HANDLER, code, settings),
            resources.mapping(
                place,
                function,
                queue,
                purpose="mapping",
                batch=BATCH,
                window_s=window_s,
                concurrency=settings.concurrency,
            ),
            resources.mapping(place, function, timers, purpose="timers mapping", batch=TIMER_BATCH),
            _repair_schedule(place, function, min(rule.repair_interval_s for rule in rules)),
            *([completion_rule(place, function)] if any(rule.strict for rule in rules) else []),
            *event_sources,
        ),
    )


def _check(rules: Sequence[AggregateConfig]) -> None:
    for config in rules:
        if not config.table:
            raise ConfigError(
                f"rule {config.name} keeps its keys in the store; a Lambda function has no store",
                hint="Set `table` and `timers` in the rule.",
            )
        if (config.table, config.timers) != (rules[0].table, rules[0].timers):
            raise ConfigError(
                f"rules {rules[0].name} and {config.name} share a queue but have different tables or timers",
                hint="Give both rules the same table and timers, or different queues.",
            )


def _sources(rules: Sequence[AggregateConfig], buckets: Sequence[str]) -> list[BucketEvents]:
    named = list(dict.fromkeys([*buckets] or [bucket for rule in rules for bucket in rule.buckets]))
    vague = next((bucket for bucket in named if any(char in bucket for char in "*?[")), "")
    if not named or vague:
        what = (
            f"{vague!r} is a pattern; a notification needs the name of a bucket" if vague else "no rule names a bucket"
        )
        raise UsageError(what, hint="Name each bucket that sends events with --bucket NAME.")
    events: dict[str, None] = {}
    for rule in rules:
        for kind in rule.kinds:
            events |= dict.fromkeys(_EVENTS.get(str(kind), ()))
    # The union may cover more events than one rule needs: the rules filter again.
    prefixes = fewest_filters([prefix for rule in rules for prefix in rule.prefixes or ("",)], str.startswith)
    suffixes = fewest_filters([suffix for rule in rules for suffix in rule.suffixes or ("",)], str.endswith)
    return [BucketEvents(bucket, tuple(events), prefixes, suffixes) for bucket in named]


def _repair_schedule(place: StackLocation, function: str, interval_s: float) -> StackResource:
    minutes = max(1, round(interval_s / 60))
    rate = f"rate({minutes} minute{'s' if minutes > 1 else ''})"
    return _rule(place, function, "repair", "repair", {"ScheduleExpression": rate})


def completion_rule(place: StackLocation, function: str, *, wanted: bool = True) -> StackResource:
    """Define the rule that reports the end of a file share's refresh, for strict rules. When not `wanted`, it is deleted."""
    return _rule(place, function, "completions", "completion", _COMPLETIONS if wanted else {})


def _rule(place: StackLocation, function: str, purpose: str, suffix: str, trigger: Mapping[str, Any]) -> StackResource:
    name = shortened(f"{function}-{suffix}")
    desired = {
        "trigger": trigger,
        "sid": f"windlass-{suffix}",
        "function": function,
        "function_arn": place.arn("lambda", f"function:{function}"),
        "rule_arn": place.arn("events", f"rule/{name}"),
    }
    return StackResource(purpose, ResourceKind.RULE, name, desired)
