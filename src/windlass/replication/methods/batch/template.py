"""The template of a batch job: printed, edited and passed as TOML or JSON."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from windlass.core.errors import UsageError
from windlass.replication.model import Operation

__all__ = [
    "CopyJobOptions",
    "Filter",
    "InvocationOptions",
    "ManifestOptions",
    "ReportOptions",
    "Template",
    "load_template",
    "print_template",
]

_FROZEN = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ManifestOptions(BaseModel):
    """The manifest: the objects that the job processes."""

    model_config = _FROZEN

    kind: Literal["", "generated", "csv"] = Field(
        default="",
        description="generated: S3 lists by [filter]; csv: Windlass lists. Generated for replicate, csv otherwise.",
    )
    bucket: str = Field(
        default="", description="Bucket of the manifest; the pair's bucket in the job's region when empty."
    )
    prefix: str = Field(default=".windlass/seed", description="Prefix of the manifest.")
    keep: bool = Field(default=False, description="Keep a copy of a generated manifest.")


class ReportOptions(BaseModel):
    """The completion report."""

    model_config = _FROZEN

    enabled: bool = Field(default=True, description="Without it, failures have no reasons.")
    bucket: str = Field(default="", description="Bucket of the report; chosen as for the manifest when empty.")
    prefix: str = Field(default=".windlass/seed", description="Prefix of the report.")
    scope: Literal["AllTasks", "FailedTasksOnly"] = Field(
        default="FailedTasksOnly", description="The tasks that the report lists."
    )


class Filter(BaseModel):
    """The filter of a generated manifest."""

    model_config = _FROZEN

    statuses: list[Literal["NONE", "FAILED", "COMPLETED", "REPLICA"]] = Field(
        default=[],
        description="Replication statuses; when empty NONE and FAILED, and all four for a destination that has nothing yet.",
    )
    created_before: str = Field(
        default="", description="ISO time; when empty, the time at which replication was proved to be on."
    )
    created_after: str = Field(default="", description="ISO time.")
    prefixes: list[str] = Field(default=[], description="Keys that begin with any of these.")
    suffixes: list[str] = Field(default=[], description="Keys that end with any of these.")
    substrings: list[str] = Field(default=[], description="Keys that contain any of these.")
    larger_than_bytes: int = Field(default=0, ge=0, description="Objects larger than this; 0 for all.")
    smaller_than_bytes: int = Field(default=0, ge=0, description="Objects smaller than this; 0 for all.")
    storage_classes: list[str] = Field(default=[], description="Storage classes, as STANDARD_IA.")


class CopyJobOptions(BaseModel):
    """The options of S3PutObjectCopy. Empty options keep the source's value."""

    model_config = _FROZEN

    StorageClass: Literal[
        "", "STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR"
    ] = Field(default="", description="Storage class of the copies.")
    SSEAwsKmsKeyId: str = Field(default="", description="KMS key of the copies; the destination's default when empty.")
    BucketKeyEnabled: bool = Field(
        default=True, description="With a KMS key, use an S3 Bucket Key (fewer requests to KMS)."
    )
    ChecksumAlgorithm: Literal["", "CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"] = Field(
        default="", description="Checksum that S3 computes for each copy."
    )
    TargetKeyPrefix: str = Field(default="", description="Prefix that is added to every key.")
    CannedAccessControlList: str = Field(
        default="", description="ACL of the copies, such as bucket-owner-full-control."
    )
    MetadataDirective: Literal["", "COPY", "REPLACE"] = Field(default="", description="COPY keeps metadata.")


class InvocationOptions(BaseModel):
    """The function that LambdaInvoke calls for every object."""

    model_config = _FROZEN

    function: str = Field(default="", description="The function's ARN.")
    schema_version: Literal["1.0", "2.0"] = Field(default="2.0", description="Version of the event's schema.")
    arguments: dict[str, str] = Field(default={}, description="Passed to every invocation (schema 2.0).")


class Template(BaseModel):
    """A job. `{source}` and `{destination}` in the description and the tags are replaced by the pair's buckets."""

    model_config = _FROZEN

    operation: Operation = Field(default=Operation.REPLICATE, description="replicate, copy or lambda.")
    description: str = Field(
        default="{source} to {destination}", max_length=180, description="Shown in the S3 console."
    )
    priority: int = Field(default=10, ge=0, le=2_147_483_647, description="Higher runs first.")
    confirmation: bool = Field(default=False, description="Count the tasks, then wait for a confirmation.")
    role: str = Field(
        default="", description="ARN of the job's role; when empty, Windlass creates a least-privilege role."
    )
    tags: dict[str, str] = Field(default={}, description="Tags of the job, in addition to Windlass's own.")
    manifest: ManifestOptions = Field(default=ManifestOptions(), description="The manifest.")
    report: ReportOptions = Field(default=ReportOptions(), description="The completion report.")
    filter: Filter = Field(default=Filter(), description="The filter of a generated manifest.")
    copying: CopyJobOptions = Field(default=CopyJobOptions(), alias="copy", description="For copies.")
    invocation: InvocationOptions = Field(default=InvocationOptions(), alias="lambda", description="For functions.")


def load_template(path: Path) -> Template:
    """Read a template from a file, `.json` or TOML. UsageError names the invalid keys and values."""
    try:
        text = path.read_text("utf-8")
        document: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read as a template: {error}", hint="`windlass replicate template` prints one to edit."
        ) from None
    try:
        return Template.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise UsageError(
            f"{path} is not a job template: {faults}", hint="`windlass replicate template` prints one to edit."
        ) from None


def print_template(template: Template, *, as_json: bool) -> str:
    """Return the template as text that `load_template` reads. TOML has every key's meaning as a comment."""
    values = template.model_dump(mode="json", by_alias=True)
    if as_json:
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    lines = [f"# {(Template.__doc__ or '').strip()}"]
    tables: list[str] = []
    for name, field in Template.model_fields.items():
        key = field.alias or name
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            tables += ["", f"[{key}]  # {(inner.__doc__ or '').strip()}"]
            tables += [
                _line(deep, values[key][deep], option.description) for deep, option in inner.model_fields.items()
            ]
        else:
            lines.append(_line(key, values[key], field.description))
    return "\n".join([*lines, *tables]) + "\n"


def _line(key: str, value: Any, meaning: str | None) -> str:
    return f"{key} = {_toml(value)}  # {meaning}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return json.dumps(value, ensure_ascii=False)
