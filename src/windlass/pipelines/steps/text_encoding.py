"""text-encoding: converts the encoding and the line ends."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.stream import text

__all__ = ["STEP"]

_ENDS = {"lf": "\n", "crlf": "\r\n"}


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    yield Output(chunks=_encoded(source, options), name=source.name, content_type=source.content_type)


def _encoded(source: Source, options: Mapping[str, Any]) -> Iterator[bytes]:
    encoder = codecs.getincrementalencoder(options["to"])()
    first = True
    try:
        for piece in _ended(text(source.chunks, options["from"]), _ENDS.get(options["line_ends"])):
            if first:
                piece, first = piece.removeprefix("\ufeff"), False
            if encoded := encoder.encode(piece):
                yield encoded
        if tail := encoder.encode("", final=True):
            yield tail
    except UnicodeEncodeError as problem:
        letter = problem.object[problem.start]
        raise Rejected(
            Reason.UNSUPPORTED, f"{options['to']} cannot encode {letter!r} (U+{ord(letter):04X})"
        ) from problem


def _ended(pieces: Iterator[str], end: str | None) -> Iterator[str]:
    if end is None:
        yield from pieces
        return
    carriage_return = ""
    for piece in pieces:
        piece = carriage_return + piece
        carriage_return = "\r" if piece.endswith("\r") else ""  # its line feed may be in the next piece
        yield piece.removesuffix(carriage_return).replace("\r\n", "\n").replace("\r", "\n").replace("\n", end)
    if carriage_return:
        yield end


def _codec(name: str) -> None:
    try:
        info = codecs.lookup(name)
    except LookupError as problem:
        raise ValueError(str(problem)) from problem
    if not info._is_text_encoding or info.incrementaldecoder is None:  # noqa: SLF001  # the standard library's own test
        raise ValueError(f"{name} is no text encoding")


STEP = Step(
    name="text-encoding",
    summary="Convert the encoding and the line ends. A byte order mark is removed.",
    run=_run,
    options=(
        StepOption(name="from", help="Encoding of the source.", default="utf-8", check=_codec),
        StepOption(name="to", help="Encoding of the output.", default="utf-8", check=_codec),
        StepOption(
            name="line_ends",
            help="Line ends of the output.",
            kind="choice",
            choices=("keep", "lf", "crlf"),
            default="keep",
        ),
    ),
    example={"from": "windows-1252"},
)
