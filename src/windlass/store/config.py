"""The `[store]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class StoreConfig(BaseModel):
    """The database that holds inventory, jobs and tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        default="sqlite:///windlass.db",
        description=(
            "`sqlite:///FILE` (relative to the working directory) or `postgresql://USER@HOST/DATABASE`. "
            "A password belongs in the environment (PGPASSWORD) or ~/.pgpass."
        ),
    )
    reader_url: str = Field(
        default="",
        description=(
            "PostgreSQL login that runs `windlass inventory sql`, where an administrator made that role; empty: the "
            "one that `windlass store reader` made. Its password belongs in ~/.pgpass."
        ),
    )
    pool_size: int = Field(default=8, ge=1, le=100, description="Database connections kept open.")
    lock_timeout_s: float = Field(default=15.0, ge=0.1, description="Seconds a write waits for other processes.")
    reconnect_s: float = Field(
        default=60.0,
        ge=0,
        description=(
            "Seconds that long work (collecting, consuming, backfills, jobs) waits for a PostgreSQL server that "
            "restarts. Commands and pages that only read fail at once."
        ),
    )
