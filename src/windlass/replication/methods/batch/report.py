"""Completion reports of S3 Batch Operations: read as a stream, counted by reason, and turned into a manifest of the
failed tasks.

Rows are Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage without a header. Keys are
URL-encoded as in manifests, so the first three fields of a failed row are its retry row, byte for byte. S3 writes the
two codes in either order; the one that is a number is the HTTP status. Messages may contain commas, quotes and line
breaks.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any
from urllib.parse import unquote_plus

from windlass.core.errors import AwsError
from windlass.replication.model import FailureGroup

__all__ = ["ReportFile", "TaskCounts", "read_index", "tally"]

_KEPT_KEYS = 5
_BLOCK_BYTES = 1 << 18
# One record: (the full text, (bucket,key,version), (status,code,code)); the message may be quoted.
_RECORD = re.compile(
    rb'(([^,"\n]*,[^,"\n]*,[^,"\n]*),([^,"\n]*,[^,"\n]*,[^,"\n]*),(?:"[^"]*(?:""[^"]*)*"|[^"\n]*)\r?\n)'
)
_WELL = b"succeeded"

Found = tuple[bytes, bytes, bytes]


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of a report: its location, and whether its tasks `succeeded` or `failed`."""

    bucket: str
    key: str
    status: str
    md5: str = ""


@dataclass(slots=True)
class TaskCounts:
    """The counts of a report, and the reasons of failures."""

    succeeded: int = 0
    failed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    def failures(self) -> tuple[FailureGroup, ...]:
        """Return the failures by reason, the most frequent first."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(
            FailureGroup(
                code=code, count=number, message=self.messages.get(code, ""), keys=tuple(self.samples.get(code, ()))
            )
            for code, number in ordered
        )

    def take(self, rows: list[Found], retry: Callable[[bytes], object] | None) -> None:
        """Count one block. Its failed rows are passed to `retry` as manifest rows."""
        codes = Counter(map(itemgetter(2), rows))
        well = sum(number for status, number in codes.items() if _status(status) == _WELL)
        self.succeeded += well
        self.failed += len(rows) - well
        if well == len(rows):
            return
        failed = [row for row in rows if _status(row[2]) != _WELL] if well else rows
        for record_codes, number in codes.items():
            if _status(record_codes) != _WELL:
                self._note(_code(record_codes), number, record_codes, failed)
        if retry is not None:
            retry(_manifest(failed))

    def _note(self, code: str, number: int, status: bytes, failed: list[Found]) -> None:
        self.counts[code] += number
        kept = self.samples.setdefault(code, [])
        if len(kept) >= _KEPT_KEYS:
            return
        for record_text, row, _ in (record for record in failed if record[2] == status):
            self.messages.setdefault(code, _message(record_text))
            kept.append(unquote_plus(row.split(b",")[1].decode("utf-8", "replace")))
            if len(kept) == _KEPT_KEYS:
                return


def read_index(body: bytes) -> tuple[ReportFile, ...]:
    """Return the files that a report's manifest.json names. AwsError for any other document."""
    try:
        document: dict[str, Any] = json.loads(body)
        return tuple(
            ReportFile(
                result["Bucket"],
                result["Key"],
                str(result["TaskExecutionStatus"]).lower(),
                result.get("MD5Checksum", ""),
            )
            for result in document["Results"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise AwsError(f"the completion report's manifest.json cannot be read: {error}") from None


def tally(
    chunks: Iterable[bytes], retry: Callable[[bytes], object] | None = None, *, into: TaskCounts | None = None
) -> TaskCounts:
    """Count a report file's tasks, from chunks of any size. `retry` receives the failed tasks as manifest rows.

    Version ids are on all rows of a file or on none, as a manifest needs them, because a report is about one job's
    manifest.
    """
    counts = into if into is not None else TaskCounts()
    for block in _blocks(chunks):
        rows = _RECORD.findall(block)
        if sum(map(len, map(itemgetter(0), rows))) != len(block):
            rows = list(_slowly(block))
        counts.take(rows, retry)
    return counts


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield complete records in blocks of a quarter of a MiB, which fit into a processor's cache."""
    rest = b""
    for chunk in chunks:
        data = rest + chunk if rest else chunk
        at = 0
        while len(data) - at >= _BLOCK_BYTES:
            cut = _cut(data, at, at + _BLOCK_BYTES)
            if cut <= at:  # a record longer than a block: read on to its end
                break
            yield data[at:cut]
            at = cut
        rest = data[at:]
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def _cut(data: bytes, start: int, end: int) -> int:
    """Return the end of the last record before `end`: a line break outside quotes. -1 when there is none."""
    cut = data.rfind(b"\n", start, end) + 1
    while cut > start and data.count(b'"', start, cut) % 2:
        cut = data.rfind(b"\n", start, cut - 1) + 1
    return cut if cut > start else -1


def _slowly(block: bytes) -> Iterator[Found]:
    """Yield the rows of a block that is not in S3's usual format: all fields quoted, or fewer fields."""
    for fields in csv.reader(io.StringIO(block.decode("utf-8", "surrogateescape"), newline="")):
        if fields:
            padded = [value.encode("utf-8", "surrogateescape") for value in [*fields, *[""] * 7][:7]]
            yield b"%b\n" % b",".join(padded), b",".join(padded[:3]), b",".join(padded[3:6])


def _manifest(failed: list[Found]) -> bytes:
    rows = b"\n".join(map(itemgetter(1), failed)) + b"\n"
    return rows if not failed[0][1].endswith(b",") else rows.replace(b",\n", b"\n")


def _status(codes: bytes) -> bytes:
    return codes[: codes.index(b",")].lower()


def _code(codes: bytes) -> str:
    _, error, http = codes.split(b",")
    named = error if error and not error.isdigit() else http if http and not http.isdigit() else error or http
    return named.decode("utf-8", "replace") or "Unknown"


def _message(record: bytes) -> str:
    text = record.rstrip(b"\r\n").split(b",", 6)[6].decode("utf-8", "replace")
    quoted = len(text) > 1 and text[0] == '"' == text[-1]
    return (text[1:-1].replace('""', '"') if quoted else text)[:300]
