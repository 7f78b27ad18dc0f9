"""The `[inventory]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class InventoryConfig(BaseModel):
    """What is collected, how often, and with how many calls at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    types: list[str] = Field(default=["*"], description="Resource types to collect; `*` at the end of a name matches.")
    exclude_types: list[str] = Field(default=[], description="Types to leave out, after `types`.")
    automatic: bool | list[str] = Field(
        default=False,
        description="Collect the types derived from AWS's models, too: true, false, or patterns such as `glue.*`.",
    )
    refusal_interval_s: float = Field(
        default=604800.0,
        ge=0,
        description="Seconds until an automatic type is listed again after the service refused to list it.",
    )
    presence_hints: bool = Field(
        default=False,
        description="Ask AWS Config which types have resources and scan those scopes at once. One call per region.",
    )
    concurrency: int = Field(default=32, ge=1, le=256, description="AWS calls in flight at once.")
    interval_s: float = Field(default=300.0, ge=5, description="Seconds between collections while `windlass up` runs.")
    scope_timeout_s: float = Field(
        default=300.0,
        ge=1,
        description="Seconds without any response after which a scope (account, region, type) is given up.",
    )
    details_timeout_s: float = Field(
        default=0.0,
        ge=0,
        description="Seconds for reading the details of one scope in one run; the next run reads the remaining details first. "
        "0: no limit.",
    )
    redact_paths: list[str] = Field(
        default=[],
        description="More document paths to store as salted hashes, such as `lambda.function:Environment.Variables.*`.",
    )
    bucket_sizes_interval_s: float = Field(
        default=43200.0,
        ge=0,
        description="Seconds between two reads of bucket sizes from CloudWatch, which updates them daily and charges for each read.",
    )
