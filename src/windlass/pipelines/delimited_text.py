"""Delimited text (CSV): rows from chunks, and chunks from rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from windlass.core.units import format_bytes
from windlass.pipelines.model import Chunks, Reason, Rejected, StepOption
from windlass.pipelines.stream import CHUNK_BYTES, lines, utf8

__all__ = ["DELIMITER", "ENCODING", "MAX_LINE", "checked_delimiter", "rows", "write_rows"]


def checked_delimiter(value: str) -> str:
    """Return the delimiter, a tab for `tab`. ValueError for anything but one character."""
    delimiter = "\t" if value == "tab" else value
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise ValueError("a delimiter is one character other than a quote or line end")
    return delimiter


DELIMITER = StepOption(
    name="delimiter",
    help="Separator of fields: one character, or tab.",
    default=",",
    check=checked_delimiter,
)
ENCODING = StepOption(
    name="encoding",
    help="The text's encoding. A byte order mark is removed.",
    default="utf-8",
    check="".encode,
)
MAX_LINE = StepOption(
    name="max_line_bytes", help="Refuse longer lines.", kind="size", default=8 << 20, minimum=16, maximum=1 << 30
)


_MAX_FIELDS = 250_000  # each field costs 60 bytes of memory: 8 MiB of delimiters would cost 200 MiB


def rows(chunks: Chunks, options: Mapping[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of each row, without empty lines. Rejected for broken quoting and fields over 128 KiB.

    A row of several lines (line ends in quotes) has the same size limit as a line.
    """
    limit_bytes = options["max_line_bytes"]
    delimiter = checked_delimiter(options["delimiter"])
    row_bytes = row_fields = 0

    def texts() -> Iterator[str]:
        nonlocal row_bytes, row_fields
        for line in lines(utf8(chunks, options["encoding"]), limit_bytes):
            row_bytes += len(line)
            if row_bytes > limit_bytes:
                raise Rejected(
                    Reason.TOO_LARGE,
                    f"the row that ends after line {reader.line_num} is longer than {format_bytes(limit_bytes)} (max_line_bytes)",
                    hint="Look for a quote that is never closed: it turns all that follows into one row.",
                )
            text = line.decode()
            row_fields += text.count(delimiter)
            if row_fields > _MAX_FIELDS:
                raise Rejected(
                    Reason.TOO_LARGE, f"the row in line {reader.line_num + 1} has more than {_MAX_FIELDS:,} fields"
                )
            yield text

    reader = csv.reader(texts(), delimiter=delimiter, strict=True)
    while True:
        row_bytes = row_fields = 0
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            raise Rejected(Reason.MALFORMED, f"line {reader.line_num}: not CSV: {problem}") from problem
        if row:
            yield reader.line_num, row


def write_rows(header: list[str] | None, body: Iterable[Iterable[Any]], delimiter: str) -> Iterator[bytes]:
    """Yield RFC 4180 text in UTF-8. None is an empty field, an empty string a quoted one, so that they differ."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=checked_delimiter(delimiter))
    if header is not None:
        writer.writerow(header)
    for row in body:
        writer.writerow(row)
        if out.tell() >= CHUNK_BYTES:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    if out.tell():
        yield out.getvalue().encode()
