"""The `[facts]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["FactsConfig"]


class FactsConfig(BaseModel):
    """How often `windlass up` reads the facts that Systems Manager has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ssm_interval_s: int = Field(
        default=0,
        ge=0,
        description="Seconds between two reads of Systems Manager's inventory, patches and compliance by `windlass up`; 0 for none.",
    )
    sync_locations: list[str] = Field(
        default=[],
        description="Where Resource Data Syncs write, s3://BUCKET/PREFIX: `windlass up` imports these files in place of calls of "
        "Systems Manager, and `windlass policy facts` allows to read them.",
    )

    @field_validator("sync_locations")
    @classmethod
    def _in_buckets(cls, value: list[str]) -> list[str]:
        for location in value:
            if not location.removeprefix("s3://").partition("/")[0] or not location.startswith("s3://"):
                raise ValueError(f"{location!r} is not s3://BUCKET/PREFIX")
        return value
