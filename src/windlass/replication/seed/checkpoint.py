"""Checkpoints: what a seed has already done, typed per method and versioned. A resumed seed continues from its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from windlass.core.clock import format_time, parse_time
from windlass.core.errors import Conflict
from windlass.replication.model import JobRef, ManifestRef, Method

__all__ = ["VERSION", "BatchCheckpoint", "Checkpoint", "EmrCheckpoint", "checkpoint_from", "new_checkpoint"]

VERSION = 2
"""The version of every checkpoint written. Version 1 had no number, and used the names on the left of `_VERSION_1`."""
_VERSION_1 = {
    "t0": "cutoff_at",
    "large": "large_objects",
    "queue": "pending_manifests",
    "number": "jobs_created",
    "first": "first_replication",
    "emr": "step",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What every method records. The direct method records nothing else: its journal is on disk."""

    cutoff_at: datetime | None = None
    """The time at which replication was proved to be on: S3 replicates newer objects, the seed copies older ones. None
    before.
    """
    status: str = ""
    """The last status of the AWS job, in the words of S3 Batch Operations; empty while there is no job."""

    def document(self) -> dict[str, Any]:
        """Return the JSON document that `checkpoint_from` reads; fields with their default value are left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"version": VERSION} | {name: _plain(value) for name, value in values.items() if value not in _EMPTY}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the checkpoint of a document of this version or an older one. Conflict for a newer version."""
        version = int(document.get("version", 1))
        if version > VERSION:
            raise Conflict(
                f"the seed's checkpoint has version {version}, and this Windlass reads versions up to {VERSION}",
                hint="Resume the seed with the Windlass that started it, or install that version here.",
            )
        known = {field.name for field in fields(cls)}
        named = {_VERSION_1.get(name, name) if version == 1 else name: value for name, value in document.items()}
        return cls(
            **{name: _READERS.get(name, _same)(value) for name, value in named.items() if name in known and value != ""}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCheckpoint(Checkpoint):
    """What a seed by S3 Batch Operations records: role, manifests, and the jobs created of them."""

    role: str = ""
    role_changed_at: datetime | None = None
    """When Windlass wrote the role; None for a role that it did not write."""
    requested_at: datetime | None = None
    """The time when the last job was requested."""
    manifests: tuple[ManifestRef, ...] | None = None
    """None before they are written; empty when no object was eligible."""
    pending_manifests: tuple[ManifestRef, ...] = ()
    """The manifests whose jobs are not created yet."""
    jobs_created: int = 0
    large_objects: int = 0
    """Objects over S3's copy limit, which this process copies in parts after the job."""
    first_replication: bool = False
    """True when nothing can have been replicated to this destination before."""
    retry_of: tuple[JobRef, ...] = ()
    """Earlier jobs whose failed objects are copied again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmrCheckpoint(Checkpoint):
    """What a seed by EMR records: its manifests and the step or job run."""

    manifests: tuple[ManifestRef, ...] | None = None
    large_objects: int = 0
    step: Mapping[str, str] = field(default_factory=dict)
    """Ids that identify the step, the job run or the cluster; empty before it is started."""


_CLASSES: Mapping[Method, type[Checkpoint]] = {Method.BATCH: BatchCheckpoint, Method.EMR: EmrCheckpoint}


def new_checkpoint(method: Method, **values: Any) -> Checkpoint:
    """Return a checkpoint of a method; values that the method does not record are left out."""
    kind = _CLASSES.get(method, Checkpoint)
    known = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in known})


def checkpoint_from(method: Method, document: Mapping[str, Any]) -> Checkpoint:
    """Return the checkpoint that a stored document holds. Conflict for a version that this Windlass does not know."""
    return _CLASSES.get(method, Checkpoint).read(document)


_EMPTY: tuple[Any, ...] = ("", None, 0, False, {})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, ManifestRef):
        return asdict(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _same(value: Any) -> Any:
    return value


def _manifests(value: Any) -> tuple[ManifestRef, ...] | None:
    return None if value is None else tuple(ManifestRef(**manifest) for manifest in value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "cutoff_at": parse_time,
    "role_changed_at": parse_time,
    "requested_at": parse_time,
    "manifests": _manifests,
    "pending_manifests": _manifests,
    "retry_of": lambda value: tuple((job[0], job[1], job[2]) for job in value),
}
