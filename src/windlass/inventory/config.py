"""The `[inventory]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class InventoryConfig(BaseModel):
    """What is collected, how often and how hard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    types: list[str] = Field(default=["*"], description="Resource types to collect; `*` at the end of a name matches.")
    exclude_types: list[str] = Field(default=[], description="Types to leave out, after `types`.")
    concurrency: int = Field(default=32, ge=1, le=256, description="AWS calls under way at once.")
    interval_s: float = Field(default=300.0, ge=5, description="Seconds between collections while `windlass up` runs.")
    scope_timeout_s: float = Field(
        default=300.0,
        ge=1,
        description="Seconds one scope (account, region, type) may be without any answer before it is given up.",
    )
    details_timeout_s: float = Field(
        default=0.0,
        ge=0,
        description="Seconds of work on the details of one scope in one run; those left over are read first in the next. "
        "0: no limit.",
    )
    redact_paths: list[str] = Field(
        default=[],
        description="Further document paths kept as salted hashes, such as `lambda.function:Environment.Variables.*`.",
    )
    bucket_sizes_interval_s: float = Field(
        default=43200.0,
        ge=0,
        description="Seconds between readings of bucket sizes from CloudWatch, which publishes them daily and charges for them.",
    )
