"""CSV rows from chunks, and back, row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from windlass.core.units import format_bytes
from windlass.pipelines.model import Chunks, Reason, Rejected, StepOption
from windlass.pipelines.stream import CHUNK_BYTES, lines, utf8

__all__ = ["DELIMITER", "ENCODING", "MAX_LINE", "one_delimiter", "rows", "write_rows"]


def one_delimiter(value: str) -> str:
    """The character; ValueError for anything else. `tab` is one, too."""
    one = "\t" if value == "tab" else value
    if len(one) != 1 or one in '"\r\n':
        raise ValueError("a delimiter is one character, and no quote or line end")
    return one


DELIMITER = StepOption(
    name="delimiter",
    help="What separates fields: one character, or tab.",
    default=",",
    check=one_delimiter,
)
ENCODING = StepOption(
    name="encoding",
    help="The text's encoding; a byte order mark is taken off.",
    default="utf-8",
    check="".encode,
)
MAX_LINE = StepOption(
    name="max_line_bytes", help="Refuse longer lines.", kind="size", default=8 << 20, minimum=16, maximum=1 << 30
)


_MAX_FIELDS = 250_000  # delimiters in a row, quoted or not: each field costs 60 bytes, so that 8 MiB would be 200


def rows(chunks: Chunks, options: Mapping[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """(Line number, fields) of each row; empty lines are left out. Rejected: broken quoting, fields over 128 KiB.

    A row of many lines (line ends in quotes) is held to the same size as a line.
    """
    limit_bytes = options["max_line_bytes"]
    delimiter = one_delimiter(options["delimiter"])
    row_bytes = row_fields = 0

    def texts() -> Iterator[str]:
        nonlocal row_bytes, row_fields
        for line in lines(utf8(chunks, options["encoding"]), limit_bytes):
            row_bytes += len(line)
            if row_bytes > limit_bytes:
                raise Rejected(
                    Reason.TOO_LARGE,
                    f"the row that ends after line {reader.line_num} is longer than {format_bytes(limit_bytes)} (max_line_bytes)",
                    hint="A quote that is never closed makes one row of all that follows.",
                )
            text = line.decode()
            row_fields += text.count(delimiter)
            if row_fields > _MAX_FIELDS:
                raise Rejected(
                    Reason.TOO_LARGE, f"the row of line {reader.line_num + 1} has more than {_MAX_FIELDS:,} fields"
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
    """RFC 4180 text in UTF-8. None is an empty field; an empty text is quoted, so that the two stay apart."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=one_delimiter(delimiter))
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
