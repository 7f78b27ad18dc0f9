"""The `[[aggregate]]` entries of windlass.toml: which events become which action, and at what pace."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from windlass.aggregation.actions import ActionConfig
from windlass.aggregation.model import Mode, WindowPace
from windlass.events import Kind

__all__ = ["AggregateConfig"]

_MOST_LINGER_S = 10.0


class AggregateConfig(BaseModel):
    """One rule: many object events, one action per key and window."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="The rule's name.")
    queue: str = Field(description="URL, ARN or name of the queue with the object events.")
    account: str = Field(default="", description="Account of queue, table and action; the caller's own when empty.")
    region: str = Field(default="", description="Their region; estate.home_region when empty.")
    key: str = Field(
        default="bucket",
        min_length=1,
        description="What is aggregated: `bucket`, `prefix` (the first `depth` folders), or a JMESPath on the event.",
    )
    depth: int = Field(default=1, ge=1, le=50, description="Folders that make a key, with key = prefix.")
    buckets: list[str] = Field(default=[], description="Only these buckets; globs. All when empty.")
    prefixes: list[str] = Field(default=[], description="Only keys that begin with one of these.")
    suffixes: list[str] = Field(default=[], description="Only keys that end with one of these.")
    globs: list[str] = Field(default=[], description="Only keys that match one of these; `*` does not stop at a slash.")
    kinds: list[Kind] = Field(default=[Kind.CREATED, Kind.REMOVED], description="Only these kinds of event.")
    min_size_bytes: int = Field(default=0, ge=0, description="Only objects of at least this size, where it is told.")
    max_size_bytes: int = Field(default=0, ge=0, description="Only objects of at most this size; 0 for any.")
    mode: Mode = Field(
        default=Mode.WINDOW,
        description="`window`: so long after the first event; `debounce`: when it has become quiet.",
    )
    window_s: float = Field(
        default=30.0,
        ge=1,
        le=43_200,
        description="Seconds between two actions of a key, and (window) before the first.",
    )
    quiet_s: float = Field(default=10.0, ge=1, le=43_200, description="Debounce: seconds without an event.")
    max_wait_s: float = Field(default=300.0, ge=1, le=43_200, description="Debounce: no longer than this, in seconds.")
    strict: bool = Field(
        default=False, description="Count events as covered only when the action's completion event has come."
    )
    strict_s: float = Field(default=900.0, ge=60, description="Strict: seconds after which it is tried again.")
    linger_s: float = Field(
        default=0.0,
        ge=0,
        le=30,
        description="Seconds that events are gathered before they are counted; a third of the window, at most 10, when 0.",
    )
    table: str = Field(default="", description="DynamoDB table that keeps the keys; the store when empty.")
    timers: str = Field(default="", description="Queue for timers, beside a DynamoDB table; the store when empty.")
    repair_interval_s: float = Field(
        default=300.0, ge=1, description="Seconds between two looks for timers that were lost."
    )
    ignore_gateway_writes: bool = Field(
        default=True, description="Leave out what a Storage Gateway wrote itself, when the action refreshes its shares."
    )
    action: ActionConfig = Field(description="What is done; `kind` says which action.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.table) != bool(self.timers):
            raise ValueError("table and timers go together: a DynamoDB table and a queue, or neither (the store)")
        if self.mode is Mode.DEBOUNCE and self.max_wait_s < self.quiet_s:
            raise ValueError(f"max_wait_s = {self.max_wait_s:g} is shorter than quiet_s = {self.quiet_s:g}")
        if self.max_size_bytes and self.max_size_bytes < self.min_size_bytes:
            raise ValueError("max_size_bytes is less than min_size_bytes")
        return self

    @property
    def pace(self) -> WindowPace:
        """When its actions are due."""
        return WindowPace(self.window_s, self.mode, self.quiet_s, self.max_wait_s, self.strict, self.strict_s)

    @property
    def batch_window_s(self) -> float:
        """How long events wait to be counted together; the window begins when they arrive, so it costs no time."""
        return self.linger_s or min(_MOST_LINGER_S, self.shortest_s / 3)

    @property
    def shortest_s(self) -> float:
        """The shortest time within which the rule acts on an event, in seconds."""
        return min(self.window_s, self.quiet_s) if self.mode is Mode.DEBOUNCE else self.window_s

    @property
    def backend(self) -> Literal["store", "dynamodb"]:
        """Where its keys are."""
        return "dynamodb" if self.table else "store"
