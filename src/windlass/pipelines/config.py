"""The `[[pipeline]]` entries of windlass.toml: source, transform and target."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PipelineConfig"]


class PipelineConfig(BaseModel):
    """One pipeline: it transforms the objects of a source and writes them to a target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="The pipeline's name.")
    queue: str = Field(default="", description="URL, ARN or name of the queue with the source's events, for a worker.")
    account: str = Field(default="", description="Account of queue and buckets; the caller's own when empty.")
    region: str = Field(default="", description="Region of the queue and the source; estate.home_region when empty.")
    target_region: str = Field(default="", description="Region of the target bucket; the source's when empty.")
    source: str = Field(description="Objects to transform: s3://bucket/prefix/.")
    suffix: list[str] = Field(default=[], description="Only keys that end with one of these.")
    match: list[str] = Field(default=[], description="Only keys that match one of these globs below the prefix.")
    transform: Any = Field(
        default="copy",
        description="A step's name, package.module:function, a table with `step` and its options, or a list of those.",
    )
    target: str = Field(description="Location of outputs: s3://bucket/ and a template such as {dir}{stem}.json.")
    on_error: str = Field(
        default="", description="s3://bucket/prefix/ for copies of refused objects, with the reason beside each."
    )
    mirror_deletes: bool = Field(default=False, description="Delete an output when its source is deleted.")
    content_type: str = Field(default="", description="Content type of outputs; the transform's own when empty.")
    storage_class: str = Field(
        default="", description="Storage class of outputs; the bucket's default when empty, the source's when `keep`."
    )
    metadata: dict[str, str] = Field(default={}, description="User metadata to set, in addition to the source's.")
    tags: Literal["drop", "keep"] = Field(
        default="drop", description="Tags of the source: `keep` copies them, at one more request per object."
    )
    concurrency: int = Field(default=16, ge=1, le=1000, description="Objects that a worker handles at once.")
    large_concurrency: int = Field(
        default=2,
        ge=1,
        le=1000,
        description="How many of these objects may be larger than part_bytes; each needs memory.",
    )
    part_bytes: int = Field(
        default=8 << 20,
        ge=5 << 20,
        le=1 << 30,
        description="Size of parts written and ranges read, in bytes.",
    )
