"""checksum: a small object with the digest of the content."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from windlass.pipelines.documents import dump_json
from windlass.pipelines.model import Chunks, Output, Source, Step, StepOption
from windlass.pipelines.names import added

__all__ = ["STEP"]

_HASHES = ("sha256", "sha512", "sha1", "md5", "blake2b", "crc32")


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    algorithm, as_json = options["algorithm"], options["format"] == "json"
    name = added(source.name, f".{algorithm}{'.json' if as_json else ''}")
    kind = "application/json" if as_json else "text/plain"
    yield Output(chunks=_checksum_text(source, algorithm, as_json), name=name, content_type=kind)


def _checksum_text(source: Source, algorithm: str, as_json: bool) -> Iterator[bytes]:
    digest, size_bytes = _digest(source.chunks, algorithm)
    if as_json:
        yield dump_json({"algorithm": algorithm, "digest": digest, "size_bytes": size_bytes, "name": source.name})
    else:
        yield f"{digest}  {source.name}\n".encode()  # as sha256sum -c reads it


def _digest(chunks: Chunks, algorithm: str) -> tuple[str, int]:
    size = value = 0
    hashed: Any = None if algorithm == "crc32" else hashlib.new(algorithm, usedforsecurity=False)
    update: Callable[[bytes], object] = (lambda _: None) if hashed is None else hashed.update
    for chunk in chunks:
        size += len(chunk)
        update(chunk)
        if hashed is None:
            value = zlib.crc32(chunk, value)
    return (f"{value:08x}" if hashed is None else hashed.hexdigest()), size


STEP = Step(
    name="checksum",
    summary="Write a small object with the content's digest, in the format of sha256sum or as JSON.",
    run=_run,
    options=(
        StepOption(name="algorithm", help="The digest.", kind="choice", choices=_HASHES, default="sha256"),
        StepOption(
            name="format", help="A line, or a JSON object.", kind="choice", choices=("text", "json"), default="text"
        ),
    ),
)
