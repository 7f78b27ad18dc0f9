"""An aggregator's stack, from the [[aggregate]] entries of one queue: table, queues, role, function, sweeps, notification. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

from windlass.core.errors import ConfigError, UsageError
from windlass.deploy import stacks_parts as parts
from windlass.deploy.stacks import Code, Kind, Part, PartKind, Place, Stack, fitted
from windlass.deploy.stacks_parts import FunctionSettings, Source, covering
from windlass.deploy.stacks_pipeline import queue_name
from windlass.deploy.stacks_roles import (
    action_statements,
    consume_statement,
    document,
    log_statement,
    table_statement,
    timers_statement,
)

__all__ = ["AggregateLike", "aggregator_stack"]

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


class AggregateLike(Protocol):
    """What of an [[aggregate]] entry is read here."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def account(self) -> str: ...  # noqa: D102
    @property
    def region(self) -> str: ...  # noqa: D102
    @property
    def queue(self) -> str: ...  # noqa: D102
    @property
    def table(self) -> str: ...  # noqa: D102
    @property
    def timers(self) -> str: ...  # noqa: D102
    @property
    def buckets(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def prefixes(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def suffixes(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def kinds(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def gathered_s(self) -> float: ...  # noqa: D102
    @property
    def sweep_s(self) -> float: ...  # noqa: D102
    @property
    def action(self) -> Any: ...  # noqa: D102


def aggregator_stack(
    name: str, rules: Sequence[AggregateLike], place: Place, settings: FunctionSettings, code: Code | None,
    buckets: Sequence[str] = (),
) -> Stack:  # fmt: skip
    """Everything the rules of one queue need to run as one function. `buckets` instead of those that the rules name."""
    _check(rules)
    first = rules[0]
    table, queue, timers = first.table, queue_name(first.queue, place), queue_name(first.timers, place)
    function, dead = fitted(f"windlass-{name}"), fitted(f"{queue}-dead", 80)
    role = fitted(f"{function}-{place.region}")
    mark = Stack(Kind.AGGREGATOR, name, place, ()).mark
    sources = _sources(rules, buckets)
    log = parts.log_group(function)
    window_s = min(300, math.ceil(min(one.gathered_s for one in rules)))
    policy = document(
        (
            log_statement(place, log.name),
            consume_statement([place.arn("sqs", queue), place.arn("sqs", timers)]),
            timers_statement(place.arn("sqs", timers)),
            table_statement(place.arn("dynamodb", f"table/{table}")),
            *_actions(place, rules),
        )
    )
    return Stack(
        Kind.AGGREGATOR,
        name,
        place,
        (
            parts.dead_queue(dead),
            parts.events_queue(place, queue, dead, settings.visibility_s + window_s, mark, sources),
            parts.events_queue(
                place, timers, dead, max(TIMER_VISIBILITY_S, settings.visibility_s), mark, (), purpose="timers",
                receives=TIMER_RECEIVES,
            ),
            Part("table", PartKind.TABLE, table, {"ttl": "expires"}),
            log,
            parts.role(role, policy, f"Windlass aggregator {name}"),
            parts.function(place, function, role, HANDLER, code, settings),
            parts.mapping(
                place, function, queue, purpose="mapping", batch=BATCH, window_s=window_s, concurrency=settings.concurrency
            ),
            parts.mapping(place, function, timers, purpose="timers mapping", batch=TIMER_BATCH),
            _sweeps(place, function, min(one.sweep_s for one in rules)),
            *(parts.notification(place, mark, queue, one) for one in sources),
        ),
    )  # fmt: skip


def _check(rules: Sequence[AggregateLike]) -> None:
    for one in rules:
        if not one.table:
            raise ConfigError(f"rule {one.name} keeps its keys in the store: a Lambda function has none",
                              hint="Give it `table` and `timers`.")  # fmt: skip
        if (one.table, one.timers) != (rules[0].table, rules[0].timers):
            raise ConfigError(f"rules {rules[0].name} and {one.name} share a queue, but not table and timers",
                              hint="Give both the same, or queues of their own.")  # fmt: skip


def _sources(rules: Sequence[AggregateLike], buckets: Sequence[str]) -> list[Source]:
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


def _actions(place: Place, rules: Sequence[AggregateLike]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in rules:
        for statement in action_statements(place, one.action):
            sid = str(statement["Sid"])
            if sid not in found:
                found[sid] = dict(statement)
            else:
                more = [one for one in statement["Resource"] if one not in found[sid]["Resource"]]
                found[sid]["Resource"] = [*found[sid]["Resource"], *more]
    return list(found.values())


def _sweeps(place: Place, function: str, every_s: float) -> Part:
    minutes = max(1, round(every_s / 60))
    rate = f"rate({minutes} minute{'s' if minutes > 1 else ''})"
    name = fitted(f"{function}-sweep")
    want = {
        "ScheduleExpression": rate, "function": function, "function_arn": place.arn("lambda", f"function:{function}"),
        "rule_arn": place.arn("events", f"rule/{name}"),
    }  # fmt: skip
    return Part("sweeps", PartKind.SCHEDULE, name, want)
