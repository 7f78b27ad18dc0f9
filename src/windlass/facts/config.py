"""The `[facts]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["FactsConfig"]


class FactsConfig(BaseModel):
    """How often `windlass up` reads the facts that Systems Manager has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ssm_interval_s: int = Field(
        default=0,
        ge=0,
        description="Seconds between two reads of Systems Manager's inventory, patches and compliance by `windlass up`; 0 for none. "
        "AWS's agents gather inventory every 30 minutes at most.",
    )
