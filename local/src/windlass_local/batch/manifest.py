"""The rows of a manifest as S3 reads them: CSV, and the files of an S3 Inventory report. Pure.

Source: S3 user guide, "Specifying a manifest": keys are URL-encoded, there is no header, all objects are in one bucket, and
version ids are on all rows or on none.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

__all__ = ["BadManifest", "Manifest", "Row", "key_of", "read_csv", "read_inventory"]

Row = tuple[str, str, str]
"""Bucket, key as the manifest writes it (URL-encoded), version id or ""."""

_FIELDS = ("Bucket", "Key", "VersionId", "Ignore")
Open = Callable[[], Iterator[Row]]


class BadManifest(ValueError):
    """A manifest that fails the job before its first task; `code` and the text are its FailureReason."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checked manifest: its bucket and number of rows. `rows` reads it from the start."""

    bucket: str
    total: int
    versions: bool
    rows: Open


def key_of(written: str) -> str:
    """Decode an object key as a manifest writes it."""
    return unquote_plus(written) if "%" in written or "+" in written else written


def read_csv(body: bytes, fields: Sequence[str]) -> Manifest:
    """Parse a manifest of `S3BatchOperations_CSV_20180820`, whose columns are named by `fields`."""
    if "Bucket" not in fields or "Key" not in fields or not set(fields) <= set(_FIELDS):
        raise BadManifest("ManifestInvalidFields", "The manifest's fields must have Bucket and Key.")
    return _checked(lambda: _rows([_text(body)], fields))


def read_inventory(body: bytes, fetch: Callable[[str, str], bytes]) -> Manifest:
    """Parse a manifest of `S3InventoryReport_CSV_20161130`: `body` is manifest.json, `fetch(bucket, key)` returns its files."""
    try:
        document: dict[str, Any] = json.loads(body)
        if document.get("fileFormat", "CSV") != "CSV":
            raise BadManifest("ManifestInvalidFormat", "The inventory report is not in CSV format.")
        fields = [name.strip() for name in document["fileSchema"].split(",")]
        place = document["destinationBucket"].rpartition(":")[2]
        files = [(place, file["key"]) for file in document["files"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BadManifest):
            raise
        raise BadManifest("ManifestInvalidFormat", "The inventory's manifest.json cannot be read.") from None
    fields = [name if name in _FIELDS else "Ignore" for name in fields]
    return _checked(lambda: _rows((_text(_unpacked(fetch(*file))) for file in files), fields))


def _unpacked(body: bytes) -> bytes:
    try:
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    except (OSError, EOFError):
        raise BadManifest("ManifestInvalidFormat", "A file of the inventory cannot be decompressed.") from None


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadManifest("ManifestInvalidFormat", "The manifest is not UTF-8.") from None


def _rows(texts: Iterable[str], fields: Sequence[str]) -> Iterator[Row]:
    at_bucket, at_key = fields.index("Bucket"), fields.index("Key")
    at_version = fields.index("VersionId") if "VersionId" in fields else -1
    width = len(fields)
    for text in texts:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline="")), 1):
            if len(cells) != width:
                if not cells:
                    continue
                raise BadManifest("ManifestInvalidRow", f"Row {number} has {len(cells)} columns, not {width}.")
            yield cells[at_bucket], cells[at_key], cells[at_version] if at_version >= 0 else ""


def _checked(rows: Open) -> Manifest:
    """Check every row before the first task runs."""
    first = next(iter(islice(rows(), 1)), None)
    if first is None:
        raise BadManifest("ManifestEmpty", "No keys were found in the manifest.")
    bucket, versions, total = first[0], bool(first[2]), 0
    for total, row in enumerate(rows(), 1):
        if row[0] != bucket:
            text = (
                f"Row {total} names the bucket {row[0]}, the rows before {bucket}: all objects must be in one bucket."
            )
            raise BadManifest("ManifestBucketMismatch", text)
        if not row[1]:
            raise BadManifest("ManifestInvalidRow", f"Row {total} has no key.")
        if bool(row[2]) != versions:
            text = f"Row {total} breaks the rule that version ids are on all rows or on none."
            raise BadManifest("ManifestVersionsMixed", text)
    return Manifest(bucket, total, versions, rows)
