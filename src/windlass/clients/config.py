"""The `[clients]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ClientsConfig(BaseModel):
    """The rules applied to CloudTrail's S3 data events, and the engines that read them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: list[str] = Field(
        default=[],
        description="Rules to apply. Empty: sigv2, tls, sdk, runtime, anonymous and presigned; `all` adds path-style.",
    )
    workers: int = Field(default=0, ge=0, le=256, description="Processes that read logs; 0: one per core.")
    trail_name: str = Field(
        default="windlass-s3-data-events", description="Name of the trail that `windlass clients trail enable` creates."
    )
    athena_database: str = Field(default="windlass", description="Glue database of the Athena engine's table.")
    athena_workgroup: str = Field(default="primary", description="Athena workgroup that runs its queries.")
    athena_output: str = Field(
        default="", description="s3://bucket/prefix for query results; empty: that of the workgroup."
    )
