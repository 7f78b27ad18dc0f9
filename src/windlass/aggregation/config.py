"""The `[[aggregate]]` entries of windlass.toml: events, keys, pace and action of a rule."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from windlass.aggregation.actions import ActionConfig
from windlass.aggregation.model import Mode, WindowPace
from windlass.events import Kind

__all__ = ["AggregateConfig"]

_MAX_LINGER_S = 10.0


class AggregateConfig(BaseModel):
    """One rule: many object events become one action per key and window."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="The rule's name.")
    queue: str = Field(description="URL, ARN or name of the queue that receives the object events.")
    account: str = Field(default="", description="Account of queue, table and action; the caller's own when empty.")
    region: str = Field(default="", description="Region of queue, table and action; estate.home_region when empty.")
    key: str = Field(
        default="bucket",
        min_length=1,
        description="Grouping of events: `bucket`, `prefix` (the first `depth` folders), or a JMESPath on the event.",
    )
    depth: int = Field(default=1, ge=1, le=50, description="Number of folders in a key, with key = prefix.")
    buckets: list[str] = Field(default=[], description="Only these buckets (globs); all when empty.")
    prefixes: list[str] = Field(default=[], description="Only keys with one of these prefixes.")
    suffixes: list[str] = Field(default=[], description="Only keys with one of these suffixes.")
    globs: list[str] = Field(
        default=[], description="Only keys that match one of these globs; `*` also matches slashes."
    )
    kinds: list[Kind] = Field(default=[Kind.CREATED, Kind.REMOVED], description="Only these kinds of event.")
    min_size_bytes: int = Field(default=0, ge=0, description="Only objects of at least this size, where it is known.")
    max_size_bytes: int = Field(default=0, ge=0, description="Only objects of at most this size; 0 for any.")
    mode: Mode = Field(
        default=Mode.WINDOW,
        description="`window`: act this long after the first event; `debounce`: act when events have stopped.",
    )
    window_s: float = Field(
        default=30.0,
        ge=1,
        le=43_200,
        description="Seconds between two actions of a key, and (window) before the first.",
    )
    quiet_s: float = Field(default=10.0, ge=1, le=43_200, description="Debounce: seconds without an event.")
    max_wait_s: float = Field(default=300.0, ge=1, le=43_200, description="Debounce: maximum seconds until the action.")
    strict: bool = Field(
        default=False, description="Count events as covered only when the action's completion event has arrived."
    )
    strict_s: float = Field(default=900.0, ge=60, description="Strict: seconds without a completion until a retry.")
    linger_s: float = Field(
        default=0.0,
        ge=0,
        le=30,
        description="Seconds to collect events before counting them; when 0, a third of the window, at most 10.",
    )
    table: str = Field(default="", description="DynamoDB table of the keys; the store when empty.")
    timers: str = Field(default="", description="Timer queue that belongs to the DynamoDB table; the store when empty.")
    repair_interval_s: float = Field(default=300.0, ge=1, description="Seconds between two searches for lost timers.")
    ignore_gateway_writes: bool = Field(
        default=True,
        description="Ignore objects that a Storage Gateway wrote itself, when the action refreshes its shares.",
    )
    action: ActionConfig = Field(description="The action; `kind` selects it.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.table) != bool(self.timers):
            raise ValueError(
                "table and timers belong together: set both (a DynamoDB table and a queue), or neither (the store)"
            )
        if self.mode is Mode.DEBOUNCE and self.max_wait_s < self.quiet_s:
            raise ValueError(f"max_wait_s = {self.max_wait_s:g} is shorter than quiet_s = {self.quiet_s:g}")
        if self.max_size_bytes and self.max_size_bytes < self.min_size_bytes:
            raise ValueError("max_size_bytes is less than min_size_bytes")
        return self

    @property
    def pace(self) -> WindowPace:
        """Return when the rule's actions are due."""
        return WindowPace(self.window_s, self.mode, self.quiet_s, self.max_wait_s, self.strict, self.strict_s)

    @property
    def batch_window_s(self) -> float:
        """Return how long events are collected, in seconds. The window begins at their arrival, so this delays no action."""
        return self.linger_s or min(_MAX_LINGER_S, self.shortest_s / 3)

    @property
    def shortest_s(self) -> float:
        """Return the shortest time in which the rule acts on an event, in seconds."""
        return min(self.window_s, self.quiet_s) if self.mode is Mode.DEBOUNCE else self.window_s

    @property
    def backend(self) -> Literal["store", "dynamodb"]:
        """Return where the rule's keys are stored."""
        return "dynamodb" if self.table else "store"
