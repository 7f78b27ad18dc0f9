"""The `[[watch]]` entries of windlass.toml: what is watched, and who is told."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from windlass.aggregation.actions import ActionConfig
from windlass.inventory.model import ChangeKind

__all__ = ["WatchConfig"]

_OPTIONS = {
    "change": {"where", "kinds", "paths", "actors"},
    "finding": {"checks", "severity", "owner", "statuses", "accounts"},
    "unread": {"unread_s", "types", "accounts"},
    "job": {"jobs"},
}
"""The options of each subject; another subject does not take them."""
_UNSUITABLE = ("cloudfront-invalidate", "storage-gateway-refresh")


class WatchConfig(BaseModel):
    """One rule: what happens becomes an alert, and alerts of one key become one delivery to each action."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="The rule's name.")
    on: Literal["change", "finding", "unread", "job"] = Field(
        description="What is watched: a `change` of a resource, a check's `finding` (it turns to fail or unknown), a scope "
        "that is `unread` for too long, or a `job` that failed."
    )
    where: list[str] = Field(
        default=[], description="change: conditions on the resource, as `windlass inventory list -w` takes them."
    )
    kinds: list[ChangeKind] = Field(default=[], description="change: only created, updated or deleted; all when empty.")
    paths: list[str] = Field(
        default=[], description="change: only updates of one of these members, such as `Policy` or `Tags.owner`."
    )
    actors: list[str] = Field(
        default=[],
        description="change: only by one of these principals (globs on the ARN); a change by nobody known never matches.",
    )
    checks: list[str] = Field(default=[], description="finding: only of these checks (globs); all when empty.")
    severity: Literal["low", "medium", "high", "critical"] = Field(
        default="low", description="finding: of checks of at least this severity."
    )
    owner: str = Field(default="", description="finding: only of resources of this owner; `-` for those without one.")
    statuses: list[Literal["fail", "unknown"]] = Field(
        default=["fail"], description="finding: the results to alert on."
    )
    unread_s: float = Field(
        default=86400.0, ge=60, description="unread: seconds since the scope was last read completely."
    )
    types: list[str] = Field(default=[], description="unread: only scopes of these types (globs); all when empty.")
    accounts: list[str] = Field(default=[], description="finding, unread: only in these accounts; all when empty.")
    jobs: list[str] = Field(default=[], description="job: only jobs of these kinds (globs); all when empty.")
    key: Literal["rule", "resource", "account", "owner", "check"] = Field(
        default="rule", description="Alerts of one key are delivered together."
    )
    window_s: float = Field(
        default=60.0, ge=0, le=86400, description="Seconds that a delivery waits for further alerts of its key."
    )
    account: str = Field(default="", description="Account of the actions' AWS calls; the caller's own when empty.")
    region: str = Field(default="", description="Region of the actions' AWS calls; estate.home_region when empty.")
    actions: Annotated[list[ActionConfig], Field(min_length=1)] = Field(
        description="Who is told: any action of [[aggregate]] that takes a message."
    )

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        others = {name for options in _OPTIONS.values() for name in options} - _OPTIONS[self.on]
        wrong = sorted(self.model_fields_set & others)
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: no option of a rule on {self.on}")
        unsuitable = [action.kind for action in self.actions if action.kind in _UNSUITABLE]
        if unsuitable:
            raise ValueError(f"{', '.join(unsuitable)}: this action takes no message")
        return self
