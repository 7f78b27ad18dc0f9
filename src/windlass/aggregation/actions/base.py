"""What every action is given, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from windlass.aggregation.actions.spacing import Spacing
from windlass.aggregation.model import Summary

__all__ = ["Context", "RetryActionLater", "RuleAction", "StartedAction"]

AwsCall = Callable[..., dict[str, Any]]
"""`call(service, operation, **params)` in the rule's account and region."""


class RetryActionLater(Exception):
    """Not now, and no failure: another refresh is in progress, a pace must be kept. Tried again after `after_s`."""

    def __init__(self, after_s: float, reason: str) -> None:
        super().__init__(reason)
        self.after_s = after_s
        self.reason = reason


@dataclass(frozen=True, slots=True)
class StartedAction:
    """The action only began; `tokens` are what its completion events name it by (RefreshCache's NotificationId)."""

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """Where an action runs: AWS calls, the rule and key it is for, the attempt, and a place to remember things between runs.

    `spacing` keeps what all processes must keep apart; None where an action is tried without a table.

    `attempt` is unique to one claim: an idempotency token for services that take one (CallerReference).
    """

    call: AwsCall
    rule: str
    key: str
    attempt: str
    account_id: str = ""
    region: str = ""
    now: float = 0.0
    memory: dict[str, Any] = field(default_factory=dict)
    spacing: Spacing | None = None


class RuleAction(Protocol):
    """One kind of action, its options already read."""

    def act(self, summary: Summary, context: Context) -> StartedAction | None:
        """Do it."""
        ...
