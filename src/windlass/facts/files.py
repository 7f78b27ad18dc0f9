"""Reads files of facts in the format that a person names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from windlass.core.errors import NotFound, UsageError
from windlass.core.suggest import unknown_word
from windlass.facts.model import Report
from windlass.facts.sources import FILE_SOURCES

__all__ = ["read_files"]


def read_files(source: str, paths: Iterable[Path]) -> list[Report]:
    """Return the reports in files, and in the files of folders. UsageError for an unknown format and a malformed file.

    A file that does not say when its facts were read was read when it was last written.
    """
    if source not in FILE_SOURCES:
        raise unknown_word("format", source, FILE_SOURCES)
    reports: list[Report] = []
    for path in _files(paths):
        try:
            text = path.read_text("utf-8")
            written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {error}", hint="Give a text file that you may read.") from None
        try:
            reports += FILE_SOURCES[source].read(str(path), text, written_at)
        except (ValueError, TypeError, AttributeError, KeyError, LookupError) as error:
            raise UsageError(
                f"{path}: not in the format {source} ({error})", hint="See docs/guide/facts.md."
            ) from error
    return reports


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.exists():
            raise NotFound(f"there is no file {path}", hint="Check the path.")
        yield from sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else (path,)
