"""Ordered faults: latency, throttling, errors, denials, dropped connections, dead regions, doubled and late S3 events.

A rule names calls (or events) and what happens to them; the same random seed gives the same faults. `decide` and
`deliveries` have all the logic; they take the time as a parameter.
"""

from __future__ import annotations

import fnmatch
import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from windlass_local.consistency import Consistency
from windlass_local.errors import error_response
from windlass_local.request import Request, Response

__all__ = ["Drop", "FaultEffect", "FaultRule", "Faults", "Hang", "ObjectEvent", "read_rules"]

EVENT_KINDS = ("duplicate", "reorder")
_LAG = "eventual_consistency"
KINDS = ("latency", "throttle", "error", "access_denied", "drop", "dead", _LAG, *EVENT_KINDS)
_EVENT_DELAY_S = 1.0
_LAG_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvent:
    """An S3 event on its way to one destination; `name` is without `s3:`, as in `ObjectCreated:Put`."""

    name: str
    account_id: str
    region: str
    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """Which calls (globs; empty matches all), and what happens to them.

    `latency` waits `latency_ms`; `throttle` lets `rate` calls a second through (0: none) and refuses the others;
    `error` answers `status` and `code`; `access_denied` 403; `drop` closes the connection; `dead` never answers.
    `probability` is of each call; `limit` ends the rule after so many effects (0: never).

    `duplicate` and `reorder` are for S3 events, to queues, topics, functions and EventBridge: one is delivered once more,
    the other late, after up to `latency_ms` (0: a second), so that those behind it overtake it. `operation` is then the
    event's name, `path` the object's key.

    `eventual_consistency` lets what depends on a change fail for up to `latency_ms` (0: two seconds) after it, as in AWS.
    """

    kind: str
    service: str = ""
    operation: str = ""
    account: str = ""
    region: str = ""
    bucket: str = ""
    path: str = ""
    latency_ms: float = 0.0
    rate: float = 0.0
    status: int = 500
    code: str = "InternalError"
    probability: float = 1.0
    limit: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no fault kind; kinds are {', '.join(KINDS)}")

    def matches(self, request: Request) -> bool:
        """True when the rule applies to this call."""
        return (
            self.kind not in EVENT_KINDS
            and _glob(self.service, request.service)
            and _glob(self.operation, request.operation)
            and _glob(self.account, request.account_id)
            and _glob(self.region, request.region)
            and _glob(self.bucket, request.bucket)
            and _glob(self.path, request.path)
        )

    def matches_event(self, event: ObjectEvent) -> bool:
        """True when the rule applies to this event."""
        return (
            self.kind in EVENT_KINDS
            and _glob(self.service, "s3")
            and _glob(self.operation, event.name)
            and _glob(self.account, event.account_id)
            and _glob(self.region, event.region)
            and _glob(self.bucket, event.bucket)
            and _glob(self.path, event.key)
        )


def read_rules(documents: Iterable[Mapping[str, Any]]) -> tuple[FaultRule, ...]:
    """Parse rules from JSON. ValueError or TypeError names the first that is invalid, before any rule is applied."""
    rules = []
    for document in documents:
        if not isinstance(document, Mapping):
            raise TypeError(f"a rule must be an object, not {document!r}")
        for name, value in document.items():
            _check(name, value)
        if "kind" not in document:
            raise ValueError(f"a rule needs a kind: one of {', '.join(KINDS)}")
        rules.append(FaultRule(**document))
    return tuple(rules)


def _check(name: str, value: Any) -> None:
    types = {field.name: field.type for field in fields(FaultRule)}
    if name not in types:
        raise ValueError(f"a rule has no field {name!r}; fields are {', '.join(types)}")
    if types[name] == "str":
        fits = isinstance(value, str)
    else:
        whole = types[name] == "int"
        fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool) and value >= 0
    if not fits:
        raise ValueError(f"invalid value of {name}: {value!r}")


def _glob(pattern: str, value: str) -> bool:
    return not pattern or fnmatch.fnmatchcase(value, pattern)


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection without a response."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer."""


@dataclass(frozen=True, slots=True)
class FaultEffect:
    """The effect on a call: a delay, then perhaps an outcome instead of its own response."""

    delay_s: float = 0.0
    outcome: Response | Drop | Hang | None = None


@dataclass(slots=True)
class _Live:
    rule: FaultRule
    used: int = 0
    tokens: float = field(default=-1.0)
    filled_at: float = 0.0
    lag: Consistency | None = None

    def admits(self, now: float) -> bool:
        """True when the throttle admits this call: a token bucket of one second's depth."""
        rate = self.rule.rate
        if rate <= 0:
            return False
        if self.tokens < 0:
            self.tokens, self.filled_at = max(1.0, rate), now
        self.tokens = min(max(1.0, rate), self.tokens + (now - self.filled_at) * rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Faults:
    """The active rules; `reset` restores those of the start."""

    def __init__(self, rules: Iterable[FaultRule] = (), *, random_seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._first = (tuple(rules), random_seed)
        self.reset()

    def reset(self) -> None:
        """Restore the rules, counters and random numbers of the start."""
        self._replace(*self._first)

    def load(self, rules: Iterable[Mapping[str, Any]], *, random_seed: int = 0) -> None:
        """Replace all rules by these, from JSON. ValueError or TypeError name what does not fit, and nothing changes."""
        self._replace(read_rules(rules), random_seed)

    def _replace(self, rules: Iterable[FaultRule], random_seed: int) -> None:
        with self._lock:
            self._random = random.Random(random_seed)  # noqa: S311  chance to order, not secrets
            self._live = [_Live(rule, lag=_lag_of(rule, self._random)) for rule in rules]

    def dump(self) -> list[dict[str, Any]]:
        """Return the rules as JSON, each with how often it was applied."""
        with self._lock:
            return [asdict(live.rule) | {"used": live.used} for live in self._live]

    def decide(self, request: Request, now: float) -> FaultEffect:
        """Decide what happens to this call at `now` (monotonic seconds). Delays add up; the first outcome wins."""
        if not self._live:
            return FaultEffect()
        delay_s = 0.0
        with self._lock:
            for live in self._live:
                if live.lag is not None:
                    refusal = live.lag.refusal(request, now) if live.rule.matches(request) else None
                    if refusal is not None:
                        live.used += 1
                        return FaultEffect(delay_s, refusal)
                    continue
                if not self._applies(live, request, now):
                    continue
                live.used += 1
                if live.rule.kind == "latency":
                    delay_s += live.rule.latency_ms / 1000
                else:
                    return FaultEffect(delay_s, _outcome(live.rule, request))
        return FaultEffect(delay_s)

    def lagging(self, request: Request, now: float) -> Response | None:
        """Return the error of a call whose precondition is not visible yet, regardless of other faults; None without one."""
        with self._lock:
            refusals = (live.lag.refusal(request, now) for live in self._live if live.lag is not None)
            return next((refusal for refusal in refusals if refusal is not None), None)

    def note(self, request: Request, now: float) -> None:
        """Record a call that succeeded at `now`: calls that depend on it may fail for a moment."""
        if not self._live:
            return
        with self._lock:
            for live in self._live:
                if live.lag is not None:
                    live.lag.changed(request, now)

    def deliveries(self, event: ObjectEvent) -> tuple[float, ...]:
        """Return when this event is delivered, in seconds from now: once and at once unless a rule says otherwise."""
        if not self._live:
            return (0.0,)
        late_s = 0.0
        copies: list[float] = []
        with self._lock:
            for live in self._live:
                if not (live.rule.matches_event(event) and self._has_chance(live)):
                    continue
                live.used += 1
                delay_s = self._random.uniform(0.0, live.rule.latency_ms / 1000 or _EVENT_DELAY_S)
                if live.rule.kind == "reorder":
                    late_s += delay_s
                else:
                    copies.append(delay_s)
        return (late_s, *(late_s + copy for copy in copies))

    def _applies(self, live: _Live, request: Request, now: float) -> bool:
        if not (live.rule.matches(request) and self._has_chance(live)):
            return False
        return live.rule.kind != "throttle" or not live.admits(now)

    def _has_chance(self, live: _Live) -> bool:
        rule = live.rule
        if rule.limit and live.used >= rule.limit:
            return False
        return rule.probability >= 1 or self._random.random() < rule.probability


def _lag_of(rule: FaultRule, rng: random.Random) -> Consistency | None:
    if rule.kind != _LAG:
        return None
    return Consistency(rule.latency_ms / 1000 or _LAG_S, rule.probability, rng)


_THROTTLE_CODES = {
    "s3": (503, "SlowDown"),
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "ec2": (503, "RequestLimitExceeded"),
    "sqs": (403, "RequestThrottled"),
}
_DENIED_CODES = {"ec2": "UnauthorizedOperation", "s3": "AccessDenied", "iam": "AccessDenied", "sts": "AccessDenied"}


def _outcome(rule: FaultRule, request: Request) -> Response | Drop | Hang:
    if rule.kind == "drop":
        return Drop()
    if rule.kind == "dead":
        return Hang()
    if rule.kind == "throttle":
        status, code = _THROTTLE_CODES.get(request.service, (400, "ThrottlingException"))
        return error_response(request, status, code, "Rate exceeded")
    if rule.kind == "access_denied":
        code = _DENIED_CODES.get(request.service, "AccessDeniedException")
        what = f"{request.service}:{request.operation}"
        return error_response(request, 403, code, f"the caller is not authorized to perform: {what}")
    return error_response(request, rule.status, rule.code, f"{rule.code}, as ordered")
