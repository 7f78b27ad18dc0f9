"""The `[replication]` section and the `[[replicate]]` sets of windlass.toml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["CustomerKeyConfig", "ReplicateConfig", "ReplicationConfig"]

_FROZEN = ConfigDict(extra="forbid", frozen=True)


class CustomerKeyConfig(BaseModel):
    """Where the customer key (SSE-C) of a bucket's objects is. The key itself is never in this file."""

    model_config = _FROZEN

    bucket: str = Field(
        min_length=1, description="Bucket whose objects have this key, or a pattern: `logs`, `logs-*`, `minio:photos`."
    )
    key_file: str = Field(default="", description="File with the key: its 32 bytes, or their base64.")
    key_env: str = Field(
        default="", description="Variable of the environment with the key's base64, instead of a file."
    )

    @model_validator(mode="after")
    def _one_place(self) -> CustomerKeyConfig:
        if bool(self.key_file) == bool(self.key_env):
            raise ValueError("give exactly one of key_file and key_env")
        return self


class ReplicationConfig(BaseModel):
    """How replicas are seeded."""

    model_config = _FROZEN

    staging: str = Field(
        default="",
        description="s3://bucket/prefix for manifests and reports; the bucket of the pair in the job's region when empty.",
    )
    role: str = Field(
        default="",
        description="ARN of a service role for batch jobs; a least-privilege role per pair is made when empty.",
    )
    replication_role: str = Field(
        default="",
        description="ARN of a role for replication rules; a least-privilege role per pair is made when empty.",
    )
    journals: str = Field(
        default="",
        description="Folder for the journals of direct seeds; beside the SQLite file, or in ~/.local/state/windlass, when empty.",
    )
    request_payer: bool = Field(
        default=False,
        description="Pay for requests to requester-pays buckets (x-amz-request-payer); without it S3 refuses other accounts.",
    )
    customer_keys: list[CustomerKeyConfig] = Field(
        default=[],
        description="Customer keys (SSE-C) for direct copies, one bucket or pattern each; the first that matches counts.",
    )
    restore_tier: Literal["Standard", "Bulk", "Expedited"] = Field(
        default="Bulk", description="Tier of restores that `seed --restore DAYS` begins; DEEP_ARCHIVE has no Expedited."
    )
    restore_poll_s: float = Field(
        default=1800.0, gt=0, description="Seconds between looks at a restore that a seed waits for (a HEAD an object)."
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="Pairs that are prepared at the same time.")
    poll_s: float = Field(default=5.0, ge=0.05, description="Seconds between looks at jobs that run.")
    canary_timeout_s: float = Field(
        default=900.0,
        gt=0,
        description="Seconds that a canary object may take to be replicated before a seed gives up.",
    )
    canary_poll_s: float = Field(default=3.0, ge=0.05, description="Seconds between looks at a canary object.")
    role_propagation_s: float = Field(
        default=60.0, ge=0, description="Seconds for which S3 may not know a role yet that was made a moment ago."
    )
    priority: int = Field(default=10, ge=0, le=2_147_483_647, description="Priority of batch jobs; higher runs first.")
    list_threshold_objects: int = Field(
        default=2_000_000,
        ge=0,
        description="Plans list buckets of up to this many objects (by CloudWatch), and take CloudWatch's figures of larger ones.",
    )
    multipart_threshold_bytes: int = Field(
        default=5 * 1024**3,
        ge=1,
        le=5 * 1024**3,
        description="Larger objects are copied in parts by this process after a batch job; S3's own limit is 5 GiB.",
    )
    batch_objects_per_s: float = Field(
        default=1000.0, gt=0, description="Objects a second a batch job is reckoned with; AWS publishes no figure."
    )
    direct_objects_per_s: float = Field(
        default=3300.0, gt=0, description="Objects a second the direct mover is reckoned with, on one prefix."
    )
    prices: dict[str, float] = Field(
        default={}, description="Your own prices in USD, before the built-in list: `batch_job = 0.25`."
    )


class ReplicateConfig(BaseModel):
    """One set of bucket pairs: listed, by patterns of names, or found by the inventory."""

    model_config = _FROZEN

    name: str = Field(description="Name of the set, as in `windlass replicate seed --set NAME`.")
    pairs: list[tuple[str, str]] = Field(
        default=[], description='Pairs: [["logs", "logs-replica"], ["minio:photos", "photos"], …].'
    )
    source: str = Field(default="", description="Pattern of source buckets: `harbour-prod-*`, `minio:*`.")
    query: str = Field(default="", description="Sources by inventory query instead: `tag:replicate=yes`.")
    destination: str = Field(
        default="",
        description="Destination's name for sources by pattern or query: `{name}` is the source's, `{1}` what its first * stood for.",
    )
    prefix: str = Field(default="", description="Only keys that begin with this.")
    method: Literal["auto", "batch", "direct", "emr"] = Field(default="auto", description="Who moves the objects.")
    operation: Literal["", "replicate", "copy"] = Field(
        default="",
        description="True replicas, or copies; replicas where replication is on or is switched on when empty.",
    )
    switch_on: bool = Field(default=True, description="Switch replication on first, where it is not.")
    preserve: list[Literal["acl", "lock", "redirect"]] = Field(
        default=[], description="What direct copies carry besides, at a request or two an object: acl, lock, redirect."
    )
    compare: Literal["size", "time", "etag", "checksum"] = Field(
        default="etag",
        description="By which equal keys are compared; etag and checksum cost a HEAD or two where listings don't tell.",
    )
    template: str = Field(default="", description="File with a job template (TOML or JSON) for batch jobs.")
    interval: str = Field(
        default="", description="Seed again this often under `windlass up`, such as 24h; never when empty."
    )

    @model_validator(mode="after")
    def _one_source(self) -> ReplicateConfig:
        if sum(map(bool, (self.pairs, self.source, self.query))) != 1:
            raise ValueError("give exactly one of pairs, source and query")
        if (self.source or self.query) and not self.destination:
            raise ValueError("source and query need a destination pattern")
        return self
