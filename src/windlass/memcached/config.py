"""The `[memcached]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MemcachedConfig(BaseModel):
    """Settings for watching and pricing Memcached clusters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    poll_s: float = Field(default=5.0, ge=0.05, description="Seconds between two reads of a cluster that is changing.")
    node_timeout_s: float = Field(
        default=2.0, gt=0, le=60, description="Seconds to wait for a response of a node or configuration endpoint."
    )
    change_timeout_s: float = Field(
        default=3600.0,
        ge=1,
        description="Seconds to wait until a step's nodes are available; then the job fails and can be resumed.",
    )
    warn_above_nodes: int = Field(
        default=50,
        ge=1,
        description="Warn about plans with more nodes than this in one cluster; ElastiCache advises against more than 50.",
    )
    hourly_prices: dict[str, float] = Field(
        default={},
        description='Your prices in USD per node and hour, instead of the built-in list: `"cache.r7g.large" = 0.19`.',
    )
