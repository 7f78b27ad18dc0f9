"""The `[feed]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["FeedConfig"]


class FeedConfig(BaseModel):
    """The queue of events that keeps the inventory current, and how its events are batched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: str = Field(
        default="", description="URL, ARN or name of the queue of CloudTrail, Config and S3 events; empty for none."
    )
    account: str = Field(default="", description="Account of a queue given by name; the caller's own when empty.")
    region: str = Field(default="", description="Region of a queue given by name; estate.home_region when empty.")
    batch_window_s: float = Field(
        default=0.5, ge=0, le=20, description="Seconds in which events are collected, so that a burst costs one read."
    )
    concurrency: int = Field(default=64, ge=1, le=256, description="AWS calls in flight at once while a batch is read.")
    file_buckets: list[str] = Field(
        default=[],
        description="Buckets to which CloudTrail, Config and Resource Data Syncs of Systems Manager deliver files: a file that an "
        "S3 event of them names is read.",
    )
    recheck_s: float = Field(
        default=3.0,
        ge=0.1,
        le=900,
        description="Seconds until a change that AWS does not show yet is read again; doubled with each receive.",
    )
