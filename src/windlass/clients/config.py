"""The `[clients]` section of windlass.toml."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ClientsConfig(BaseModel):
    """What is looked for in CloudTrail's S3 data events, and how hard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: list[str] = Field(
        default=[],
        description="Rules to apply; empty for sigv2, tls, sdk, runtime, anonymous and presigned; `all` adds path-style.",
    )
    workers: int = Field(default=0, ge=0, le=256, description="Processes that read logs; 0 takes one per core.")
    trail_name: str = Field(
        default="windlass-s3-data-events", description="Name of the trail that `windlass clients trail enable` makes."
    )
    athena_database: str = Field(default="windlass", description="Glue database of the Athena engine's table.")
    athena_workgroup: str = Field(default="primary", description="Athena workgroup that runs its queries.")
    athena_output: str = Field(
        default="", description="s3://bucket/prefix for query results; empty: the workgroup's own."
    )
