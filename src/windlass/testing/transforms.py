"""A pipeline's transform on content in memory: the production chain of steps, without S3."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from windlass.pipelines.chain import read_transform
from windlass.pipelines.model import Source

__all__ = ["Transformed", "transform"]


@dataclass(frozen=True, slots=True)
class Transformed:
    """One output. `name` is its file name, `member` its path inside an archive (empty outside of one)."""

    name: str
    content: bytes
    content_type: str = ""
    member: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def transform(value: object, content: bytes, *, key: str = "in/object", bucket: str = "bucket") -> list[Transformed]:
    """Run a transform as configuration names it: `"yaml-to-json"`, `"module:function"`, a table, or a list of them.

    Raises:
        ConfigError: An unknown step or option.
        windlass.pipelines.model.Rejected: The content is bad; a pipeline would quarantine it.

    """
    source = Source(
        chunks=[content] if content else [],
        name=key.rpartition("/")[2],
        bucket=bucket,
        key=key,
        size_bytes=len(content),
        modified=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return [
        Transformed(output.name, b"".join(output.chunks), output.content_type, output.member, dict(output.metadata))
        for output in read_transform(value).run(source)
    ]
