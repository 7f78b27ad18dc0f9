"""The model of a pipeline: a step, its input, its outputs, its options, and the refusal of bad input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from windlass.core.errors import WindlassError

__all__ = ["Chunks", "Output", "Reason", "Rejected", "Source", "Step", "StepOption"]

Chunks: TypeAlias = Iterable[bytes]


class Reason(StrEnum):
    """Why an input cannot be transformed. Few values, because they are a metric's label."""

    MALFORMED = "malformed"
    NOT_TEXT = "not-text"  # bytes that are invalid in the declared encoding
    TRUNCATED = "truncated"
    TOO_LARGE = "too-large"  # larger than a limit of the step
    BOMB = "bomb"  # small, and enormous when expanded
    UNSAFE_NAME = "unsafe-name"  # ../, absolute, a device
    UNSUPPORTED = "unsupported"  # valid, without equivalent in the target format
    COLLISION = "collision"  # another object's output has that key


class Rejected(WindlassError):
    """The input is bad, and another attempt would fail too. The object goes to `on_error` with this message."""

    exit_code = 1
    http_status = 422

    def __init__(self, reason: Reason, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, code=reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The input of a step: an S3 object, a local file, or the output of the step before.

    `chunks` can be iterated once. `name` is the file name at this point of the chain: the base name of the key, `a.json`
    after yaml-to-json, `docs/a.txt` for a member of an archive. The other fields describe the object that entered the chain.
    """

    chunks: Chunks
    name: str
    bucket: str = ""
    key: str = ""
    version_id: str = ""
    etag: str = ""
    size_bytes: int | None = None
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    modified: datetime | None = None

    def followed_by(self, output: Output) -> Source:
        """Return the source of the next step: the output's content and name, with the same object's description."""
        return replace(self, chunks=output.chunks, name=output.name, content_type=output.content_type, size_bytes=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One object that a step makes. Its chunks must be used before the next output is requested.

    `member` is the path inside an expanded archive, else "". `metadata` is added to the source's.
    """

    chunks: Chunks
    name: str
    content_type: str = ""
    member: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


Kind: TypeAlias = Literal["text", "count", "number", "size", "flag", "choice", "list"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOption:
    """One option of a step, declared once: configuration, `windlass pipeline transforms` and the docs read it here.

    Sizes are bytes (written `64MiB`); `list` is a list of strings. `check` raises ValueError for a value that the kind allows
    and the step does not, such as an expression that does not compile.
    """

    name: str
    help: str
    kind: Kind = "text"
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    check: Callable[[Any], object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One transform: `run` turns a source into outputs, lazily, and raises Rejected for bad input.

    `streams`: memory does not grow with the size; otherwise an option of the step limits the size. `many`: one object can have
    several outputs. `own`: a user's function, which may have side effects and runs once. `requires` are the modules that must be
    installed, `extra` is the extra of Windlass that installs them.
    """

    name: str
    summary: str
    run: Callable[[Source, Mapping[str, Any]], Iterator[Output]]
    options: tuple[StepOption, ...] = ()
    streams: bool = True
    many: bool = False
    own: bool = False
    requires: tuple[str, ...] = ()
    extra: str = ""
    example: Mapping[str, Any] = field(default_factory=dict)
