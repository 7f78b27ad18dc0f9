"""Transforms as users write them, which count how often they run."""

from collections.abc import Generator, Iterable, Iterator

from windlass.pipelines.model import Output, Source

RUNS = []


class Panic(BaseException):
    """The panic of an extension module."""


def document(document: dict) -> dict:
    RUNS.append("document")
    return document | {"seen": True}


def maybe(source: Source) -> Output | None:
    return None


def streamed(source: Source) -> Iterator[bytes]:
    RUNS.append("streamed")
    yield from source.chunks


def rows(source: Source) -> list[dict]:
    return [{"a": 1}]


def several(source: Source) -> Iterator[Output]:
    RUNS.append("several")
    content = b"".join(source.chunks)
    for word in content.split():
        if word == b"broken":
            raise ValueError("broken")
        yield Output(chunks=[word, b"!"], name=word.decode())


def listed(source: Source) -> list[Output]:
    return list(several(source))


def generated(source: Source) -> Generator[Output, None, None]:
    yield from several(source)


def iterable(source: Source) -> Iterable[Output]:
    return several(source)


def bare(source):
    yield from several(source)


def undeclared(source):
    return several(source)


def panics(content: bytes) -> bytes:
    RUNS.append("panics")
    if content == b"bad":
        raise Panic("index out of bounds")
    return content
