"""The interface of an action: its context, its results, and its protocol."""

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
    """Raised when an action cannot run yet, for example while another refresh runs. Not a failure; it is retried after `after_s`."""

    def __init__(self, after_s: float, reason: str) -> None:
        super().__init__(reason)
        self.after_s = after_s
        self.reason = reason


@dataclass(frozen=True, slots=True)
class StartedAction:
    """The result of an action that only began its work; `tokens` identify its completion events (RefreshCache's NotificationId)."""

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """The context of one run of an action: AWS calls, rule and key, the attempt, and memory that lasts between runs.

    `spacing` reserves resources across processes; None when an action runs without a table.
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
    """One kind of action, with its options."""

    def act(self, summary: Summary, context: Context) -> StartedAction | None:
        """Run the action for a window."""
        ...
