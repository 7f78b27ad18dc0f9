"""The `[osquery]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["OsqueryConfig"]


class OsqueryConfig(BaseModel):
    """How often osquery agents report, and what they may send."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    interval_s: int = Field(
        default=3600,
        ge=60,
        le=86_400,
        description="Seconds between two runs of a query of the pack; listening ports are read six times as often.",
    )
    config_interval_s: int = Field(
        default=600, ge=60, le=86_400, description="Seconds between two reads of the configuration by an agent."
    )
    live_interval_s: int = Field(
        default=60,
        ge=5,
        le=3600,
        description="Seconds between two requests of an agent for live queries; also how often it is seen. Most of what a fleet "
        "costs the server is the TLS handshakes of these requests.",
    )
    log_interval_s: int = Field(
        default=30, ge=4, le=3600, description="Seconds between two deliveries of results by an agent."
    )
    max_body_mb: int = Field(
        default=32, ge=1, le=512, description="Largest body of an agent's request in MiB, after decompression."
    )
    max_live_rows: int = Field(
        default=10_000, ge=1, le=1_000_000, description="Rows kept of one host's answer to a live query."
    )
    live_retention_days: int = Field(
        default=7, ge=1, le=365, description="Days that live queries and their answers are kept."
    )
