"""Transforms of the user's own: a function by its path, in whichever form suits it.

    def transform(source: Source) -> Iterator[Output]: ...      # several outputs, streams
    def transform(source: Source) -> Iterator[bytes]: ...       # one output, streamed
    def transform(content: bytes) -> bytes: ...                 # the whole content, at most 64 MiB
    def transform(document: dict) -> dict: ...                  # JSON in, JSON out

The first parameter's annotation chooses what comes in, the result's type what goes out. None means: no output. The return
annotation says whether one object can become several: `Iterator[Output]` (Iterable, Generator, list …) does, and so does a
generator function without one. Each function runs once per object.
`Rejected` says that the input is bad; any other exception is a fault, and the object is tried again.
"""

from __future__ import annotations

import importlib
import inspect
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from windlass.core.errors import ConfigError
from windlass.pipelines.documents import dump_json, parse_json
from windlass.pipelines.model import Output, Source, Step, StepOption
from windlass.pipelines.stream import read_all

__all__ = ["user_function_step"]

_FORMS = "Write def transform(source: Source) -> Iterator[Output], or (content: bytes) -> bytes, or (document: dict) -> dict."
_MAX_BYTES = StepOption(
    name="max_bytes",
    help="Refuse larger objects; only for functions that take bytes or a document.",
    kind="size",
    default=64 << 20,
    minimum=1,
)


def user_function_step(path: str) -> Step:
    """The step of a function `package.module:function`.

    Raises:
        ConfigError: It can't be imported, isn't a function of one argument, or takes what isn't known.

    """
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, name)
    except (ImportError, ValueError, AttributeError) as problem:
        raise ConfigError(
            f"the transform {path} can't be imported: {problem}",
            hint="Write package.module:function; the package must be installed beside windlass, or be on PYTHONPATH.",
        ) from problem
    wants = _wants(path, function)
    many = _makes_many(function)

    def run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
        return _outputs(path, function(_given(wants, source, options["max_bytes"])), source, many=many)

    summary = (inspect.getdoc(function) or path).splitlines()[0]
    return Step(
        name=path, summary=summary, run=run, many=many, own=True, streams=wants is Source, options=(_MAX_BYTES,)
    )


def _makes_many(function: Any) -> bool:
    """Whether the function can make several outputs, by its return annotation; bytes, texts and documents are one's content."""
    call = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    hint = typing.get_type_hints(call).get("return", inspect.Parameter.empty)
    if hint is inspect.Parameter.empty:
        return inspect.isgeneratorfunction(call)
    return any(_is_several(option) for option in _options(hint))


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _is_several(hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    if not isinstance(origin, type) or issubclass(origin, (bytes, bytearray, str, Mapping)):
        return False
    items = typing.get_args(hint)[:1]
    if origin is list and not items:
        return False  # a JSON document
    content = (bytes, bytearray, str, dict, list)
    return issubclass(origin, Iterable) and not (items and (typing.get_origin(items[0]) or items[0]) in content)


def _wants(path: str, function: Any) -> Any:
    """Source, bytes, str, or dict (any JSON document)."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
        hints = typing.get_type_hints(function)
    except (TypeError, ValueError, NameError) as problem:
        raise ConfigError(f"the transform {path} is no function of one argument: {problem}", hint=_FORMS) from problem
    needed = [
        one
        for one in parameters
        if one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    if not parameters or len(needed) > 1:
        raise ConfigError(f"the transform {path} must take one argument, and takes {len(needed)}", hint=_FORMS)
    hint = hints.get(parameters[0].name, Source)
    origin = typing.get_origin(hint) or hint
    wanted = {Source: Source, bytes: bytes, str: str, dict: dict, list: dict, Any: dict}.get(origin)
    if wanted is None:
        raise ConfigError(f"the transform {path} wants {hint!r}", hint=_FORMS)
    return wanted


def _given(wants: Any, source: Source, max_bytes: int) -> Any:
    if wants is Source:
        return source
    content = read_all(source.chunks, max_bytes)
    if wants is bytes:
        return content
    if wants is str:
        from windlass.pipelines.stream import text

        return "".join(text([content]))
    return parse_json(content)


def _outputs(path: str, result: Any, source: Source, *, many: bool) -> Iterator[Output]:
    if result is None:
        return
    if isinstance(result, Output):
        yield result
    elif isinstance(result, (bytes, bytearray, str)):
        yield Output(chunks=[_bytes(path, result)], name=source.name, content_type=source.content_type)
    elif isinstance(result, dict) or (isinstance(result, list) and not many):
        yield Output(chunks=[dump_json(result)], name=source.name, content_type="application/json")
    elif isinstance(result, Iterable):
        yield from _iterated(path, iter(result), source, many=many)
    else:
        raise ConfigError(f"the transform {path} returned a {type(result).__name__}")


def _iterated(path: str, items: Iterator[Any], source: Source, *, many: bool) -> Iterator[Output]:
    """Outputs as they are; bytes, texts and documents as the content of one output."""
    first = next(items, None)
    if isinstance(first, Output):
        if not many:
            raise ConfigError(
                f"the transform {path} returns outputs, and is not declared to make several",
                hint="Write its return annotation: -> Iterator[Output].",
            )
        for output in chain((first,), items):
            if not isinstance(output, Output):
                raise ConfigError(f"the transform {path} yields outputs and {type(output).__name__}")
            yield output
    else:
        whole: Iterator[Any] = iter(()) if first is None else chain((first,), items)
        chunks = (_bytes(path, item) for item in whole)
        yield Output(chunks=chunks, name=source.name, content_type=source.content_type)


def _bytes(path: str, item: Any) -> bytes:
    """Documents become JSON lines."""
    if isinstance(item, (bytes, bytearray)):
        return bytes(item)
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, (dict, list)):
        return dump_json(item)
    raise ConfigError(f"the transform {path} yields a {type(item).__name__}")
