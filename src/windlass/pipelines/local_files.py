"""A pipeline's transform on local files, without AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from windlass.core import clock
from windlass.core.errors import UsageError
from windlass.pipelines.model import Output, Rejected, Source
from windlass.pipelines.pipeline import Pipeline
from windlass.pipelines.stream import file_chunks

__all__ = ["transform_file"]


def transform_file(pipeline: Pipeline, file: Path, folder: Path | None) -> list[dict[str, Any]]:
    """Transform a file and write its outputs below `folder` (nowhere for None); a row per output, or one with the refusal."""
    blank = {"file": str(file), "target": "", "size": None, "content_type": "", "refused": ""}
    rows: list[dict[str, Any]] = []
    try:
        opened = file.open("rb")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", hint="Give files that exist.") from None
    selection = pipeline.selection
    with opened:
        source = Source(
            chunks=file_chunks(opened),
            name=file.name,
            bucket=selection.bucket,
            key=f"{selection.prefix}{file.name}",
            size_bytes=file.stat().st_size,
            modified=clock.now(),
        )
        try:
            for index, output in enumerate(pipeline.transform.run(source)):
                key = pipeline.target.key(source, output, index)
                size = _write(output, folder / key if folder is not None else None)
                target = f"s3://{pipeline.target.bucket}/{key}"
                rows.append(blank | {"target": target, "size": size, "content_type": output.content_type})
        except Rejected as error:
            rows.append(blank | {"refused": f"{error.reason.value}: {error.message}"})
    return rows


def _write(output: Output, target: Path | None) -> int:
    if target is None:
        return sum(len(chunk) for chunk in output.chunks)
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with target.open("wb") as file:
        for chunk in output.chunks:
            size += file.write(chunk)
    return size
