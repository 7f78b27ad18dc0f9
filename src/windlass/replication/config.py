"""The `[replication]` section and the `[[replicate]]` sets of windlass.toml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["CustomerKeyConfig", "ReplicateConfig", "ReplicationConfig"]

_FROZEN = ConfigDict(extra="forbid", frozen=True)


class CustomerKeyConfig(BaseModel):
    """The location of the customer key (SSE-C) of a bucket's objects. The key itself is never in this file."""

    model_config = _FROZEN

    bucket: str = Field(
        min_length=1, description="Bucket whose objects have this key, or a pattern: `logs`, `logs-*`, `minio:photos`."
    )
    key_file: str = Field(default="", description="File with the key: its 32 bytes, or their base64.")
    key_env: str = Field(default="", description="Environment variable that holds the key's base64, instead of a file.")

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
        description="s3://bucket/prefix for manifests and reports; by default, the pair's bucket in the job's region.",
    )
    role: str = Field(
        default="",
        description="ARN of the role of batch jobs; by default, a least-privilege role per pair is created.",
    )
    replication_role: str = Field(
        default="",
        description="ARN of the role of replication rules; by default, a least-privilege role per pair is created.",
    )
    journals: str = Field(
        default="",
        description="Folder for the journals of direct seeds; by default beside the SQLite file, or in ~/.local/state/windlass.",
    )
    request_payer: bool = Field(
        default=False,
        description="Pay for requests to requester-pays buckets (x-amz-request-payer); without it S3 refuses other accounts.",
    )
    customer_keys: list[CustomerKeyConfig] = Field(
        default=[],
        description="Customer keys (SSE-C) for direct copies. Each entry is for one bucket or pattern; the first match is used.",
    )
    restore_tier: Literal["Standard", "Bulk", "Expedited"] = Field(
        default="Bulk",
        description="Tier of the restores that `seed --restore DAYS` requests; DEEP_ARCHIVE has no Expedited.",
    )
    restore_poll_s: float = Field(
        default=1800.0,
        gt=0,
        description="Seconds between polls of a restore that a seed waits for (one HEAD per object).",
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="Number of pairs that are prepared at the same time.")
    poll_s: float = Field(default=5.0, ge=0.05, description="Seconds between polls of running jobs.")
    canary_timeout_s: float = Field(
        default=900.0,
        gt=0,
        description="Seconds within which S3 must replicate the canary object; after that the seed fails.",
    )
    canary_poll_s: float = Field(default=3.0, ge=0.05, description="Seconds between polls of the canary object.")
    role_propagation_s: float = Field(
        default=60.0,
        ge=0,
        description="Seconds that a new role needs to become visible to S3; AccessDenied is retried during this time.",
    )
    priority: int = Field(
        default=10, ge=0, le=2_147_483_647, description="Priority of batch jobs; a higher number runs first."
    )
    list_threshold_objects: int = Field(
        default=2_000_000,
        ge=0,
        description="Plans list buckets of at most this many objects, and use CloudWatch's metrics for larger ones.",
    )
    multipart_threshold_bytes: int = Field(
        default=5 * 1024**3,
        ge=1,
        le=5 * 1024**3,
        description="Objects larger than this are copied in parts by this process after a batch job. S3's own limit is 5 GiB.",
    )
    batch_objects_per_s: float = Field(
        default=1000.0, gt=0, description="Estimated objects per second of a batch job; AWS publishes no figure."
    )
    direct_objects_per_s: float = Field(
        default=3300.0, gt=0, description="Estimated objects per second of direct copies on one prefix."
    )
    prices: dict[str, float] = Field(
        default={}, description="Your own prices in USD, in place of the built-in ones: `batch_job = 0.25`."
    )


class ReplicateConfig(BaseModel):
    """A set of bucket pairs: listed, selected by name patterns, or found by the inventory."""

    model_config = _FROZEN

    name: str = Field(description="Name of the set, as in `windlass replicate seed --set NAME`.")
    pairs: list[tuple[str, str]] = Field(
        default=[], description='Pairs: [["logs", "logs-replica"], ["minio:photos", "photos"], …].'
    )
    source: str = Field(default="", description="Pattern of source buckets: `harbour-prod-*`, `minio:*`.")
    query: str = Field(default="", description="Inventory query that selects the sources: `tag:replicate=yes`.")
    destination: str = Field(
        default="",
        description="Destination for sources by pattern or query: `{name}` is the source's name, `{1}` the match of its first *.",
    )
    prefix: str = Field(default="", description="Only keys that begin with this prefix.")
    method: Literal["auto", "batch", "direct", "emr"] = Field(default="auto", description="What copies the objects.")
    operation: Literal["", "replicate", "copy"] = Field(
        default="",
        description="Replicas or copies; by default, replicas where replication is on or is switched on.",
    )
    switch_on: bool = Field(default=True, description="Switch replication on first, where it is off.")
    preserve: list[Literal["acl", "lock", "redirect"]] = Field(
        default=[],
        description="Attributes that direct copies preserve as well, at one or two requests per object: acl, lock, redirect.",
    )
    compare: Literal["size", "time", "etag", "checksum"] = Field(
        default="etag",
        description="How objects under one key are compared. etag and checksum need one or two HEADs where listings do not decide.",
    )
    template: str = Field(default="", description="File with the template (TOML or JSON) of batch jobs.")
    interval: str = Field(
        default="", description="Interval at which `windlass up` seeds the set again, such as 24h. Without it, never."
    )

    @model_validator(mode="after")
    def _one_source(self) -> ReplicateConfig:
        if sum(map(bool, (self.pairs, self.source, self.query))) != 1:
            raise ValueError("give exactly one of pairs, source and query")
        if (self.source or self.query) and not self.destination:
            raise ValueError("source and query need a destination pattern")
        return self
