"""An aggregator's stack, from the [[aggregate]] entries of one queue: table, queues, role, function, sweeps, notification. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from windlass.aggregation.config import AggregateConfig
from windlass.core.errors import ConfigError, UsageError
from windlass.deploy import stacks_parts as parts
from windlass.deploy.stacks import Code, Kind, Part, PartKind, Place, Stack, fitted
from windlass.deploy.stacks_parts import FunctionSettings, Source, covering
from windlass.deploy.stacks_pipeline import queue_name
from windlass.deploy.stacks_roles import rules_policy

__all__ = ["aggregator_stack", "completion_rule"]

HANDLER = "windlass.functions.aggregate.handler"
BATCH = 1000
TIMER_BATCH = 10
TIMER_VISIBILITY_S = 360
TIMER_RECEIVES = 1000
"""A timer that comes too early is put back, which counts as received: only one that can never be read gets so far."""
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
    place: Place,
    settings: FunctionSettings,
    code: Code | None,
    buckets: Sequence[str] = (),
) -> Stack:
    """Everything the rules of one queue need to run as one function. `buckets` instead of those that the rules name."""
    _check(rules)
    first = rules[0]
    table, queue, timers = first.table, queue_name(first.queue, place), queue_name(first.timers, place)
    function, dead = fitted(f"windlass-{name}"), fitted(f"{queue}-dead", 80)
    role = fitted(f"{function}-{place.region}")
    mark = Stack(Kind.AGGREGATOR, name, place, ()).mark
    sources = _sources(rules, buckets)
    sending, rule_arns = parts.sending(place, mark, function, queue, sources, settings.via)
    log = parts.log_group(function)
    window_s = min(300, math.ceil(min(one.batch_window_s for one in rules)))
    policy = rules_policy(rules, place, function, settings.kms_key_arns)
    return Stack(
        Kind.AGGREGATOR,
        name,
        place,
        (
            parts.dead_queue(dead),
            parts.events_queue(
                place, queue, dead, settings.visibility_s + window_s, mark, sources, rule_arns=rule_arns
            ),
            parts.events_queue(
                place,
                timers,
                dead,
                max(TIMER_VISIBILITY_S, settings.visibility_s),
                mark,
                (),
                purpose="timers",
                receives=TIMER_RECEIVES,
            ),
            Part("table", PartKind.TABLE, table, {"ttl": "expires"}),
            log,
            parts.role(role, policy, f"Windlass aggregator {name}"),
            parts.function(place, function, role, HANDLER, code, settings),
            parts.mapping(
                place,
                function,
                queue,
                purpose="mapping",
                batch=BATCH,
                window_s=window_s,
                concurrency=settings.concurrency,
            ),
            parts.mapping(place, function, timers, purpose="timers mapping", batch=TIMER_BATCH),
            _sweeps(place, function, min(one.repair_interval_s for one in rules)),
            *([completion_rule(place, function)] if any(one.strict for one in rules) else []),
            *sending,
        ),
    )


def _check(rules: Sequence[AggregateConfig]) -> None:
    for one in rules:
        if not one.table:
            raise ConfigError(
                f"rule {one.name} keeps its keys in the store: a Lambda function has none",
                hint="Give it `table` and `timers`.",
            )
        if (one.table, one.timers) != (rules[0].table, rules[0].timers):
            raise ConfigError(
                f"rules {rules[0].name} and {one.name} share a queue, but not table and timers",
                hint="Give both the same, or queues of their own.",
            )


def _sources(rules: Sequence[AggregateConfig], buckets: Sequence[str]) -> list[Source]:
    named = list(dict.fromkeys([*buckets] or [bucket for rule in rules for bucket in rule.buckets]))
    vague = next((one for one in named if any(char in one for char in "*?[")), "")
    if not named or vague:
        what = f"{vague!r} is a pattern, and a notification is set on a bucket" if vague else "no rule names a bucket"
        raise UsageError(what, hint="Say which buckets send their events: --bucket NAME, for each.")
    events: dict[str, None] = {}
    for rule in rules:
        for kind in rule.kinds:
            events |= dict.fromkeys(_EVENTS.get(str(kind), ()))
    # More than one rule asked for is no harm: the rules filter again.
    prefixes = covering([one for rule in rules for one in rule.prefixes or ("",)], str.startswith)
    suffixes = covering([one for rule in rules for one in rule.suffixes or ("",)], str.endswith)
    return [Source(bucket, tuple(events), prefixes, suffixes) for bucket in named]


def _sweeps(place: Place, function: str, every_s: float) -> Part:
    minutes = max(1, round(every_s / 60))
    rate = f"rate({minutes} minute{'s' if minutes > 1 else ''})"
    return _rule(place, function, "sweeps", "sweep", {"ScheduleExpression": rate})


def completion_rule(place: Place, function: str, *, wanted: bool = True) -> Part:
    """What tells the function that a file share's refresh has ended, as strict rules need; not `wanted`: it shall go."""
    return _rule(place, function, "completions", "completion", _COMPLETIONS if wanted else {})


def _rule(place: Place, function: str, purpose: str, suffix: str, trigger: Mapping[str, Any]) -> Part:
    name = fitted(f"{function}-{suffix}")
    want = {
        "trigger": trigger,
        "sid": f"windlass-{suffix}",
        "function": function,
        "function_arn": place.arn("lambda", f"function:{function}"),
        "rule_arn": place.arn("events", f"rule/{name}"),
    }
    return Part(purpose, PartKind.RULE, name, want)
