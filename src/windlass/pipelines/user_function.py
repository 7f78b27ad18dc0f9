"""A user's own transform: a function named by its path, in one of four forms.

    def transform(source: Source) -> Iterator[Output]: ...      # several outputs, streams
    def transform(source: Source) -> Iterator[bytes]: ...       # one output, streamed
    def transform(content: bytes) -> bytes: ...                 # the complete content, at most 64 MiB
    def transform(document: dict) -> dict: ...                  # JSON in, JSON out

The annotation of the first parameter decides the input, the type of the result decides the output. None means no output. The
return annotation decides whether one object can have several outputs: `Iterator[Output]` (Iterable, Generator, list …) can, and
so can a generator function without annotation. Each function runs once per object.
Raise `Rejected` for bad input. Any other exception is a fault, and the object is tried again.
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
    """Return the step of a function `package.module:function`.

    Raises:
        ConfigError: It cannot be imported, is not a function of one argument, or its argument has an unknown type.

    """
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, name)
    except (ImportError, ValueError, AttributeError) as problem:
        raise ConfigError(
            f"the transform {path} cannot be imported: {problem}",
            hint="Write package.module:function, and install the package beside windlass or add its folder to PYTHONPATH.",
        ) from problem
    input_type = _input_type(path, function)
    many = _makes_many(function)

    def run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
        return _outputs(path, function(_input(input_type, source, options["max_bytes"])), source, many=many)

    summary = (inspect.getdoc(function) or path).splitlines()[0]
    return Step(
        name=path, summary=summary, run=run, many=many, own=True, streams=input_type is Source, options=(_MAX_BYTES,)
    )


def _makes_many(function: Any) -> bool:
    """Return whether the return annotation allows several outputs; bytes, texts and documents are the content of one."""
    call = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    hint = typing.get_type_hints(call).get("return", inspect.Parameter.empty)
    if hint is inspect.Parameter.empty:
        return inspect.isgeneratorfunction(call)
    return any(_means_several(option) for option in _options(hint))


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _means_several(hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    if not isinstance(origin, type) or issubclass(origin, (bytes, bytearray, str, Mapping)):
        return False
    items = typing.get_args(hint)[:1]
    if origin is list and not items:
        return False  # a JSON document
    content = (bytes, bytearray, str, dict, list)
    return issubclass(origin, Iterable) and not (items and (typing.get_origin(items[0]) or items[0]) in content)


def _input_type(path: str, function: Any) -> Any:
    """Return the input type: Source, bytes, str, or dict (any JSON document)."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
        hints = typing.get_type_hints(function)
    except (TypeError, ValueError, NameError) as problem:
        raise ConfigError(
            f"the transform {path} is not a function of one argument: {problem}", hint=_FORMS
        ) from problem
    needed = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    if not parameters or len(needed) > 1:
        raise ConfigError(f"the transform {path} must take one argument; it takes {len(needed)}", hint=_FORMS)
    hint = hints.get(parameters[0].name, Source)
    origin = typing.get_origin(hint) or hint
    input_type = {Source: Source, bytes: bytes, str: str, dict: dict, list: dict, Any: dict}.get(origin)
    if input_type is None:
        raise ConfigError(f"the transform {path} takes {hint!r}, which is not supported", hint=_FORMS)
    return input_type


def _input(input_type: Any, source: Source, max_bytes: int) -> Any:
    if input_type is Source:
        return source
    content = read_all(source.chunks, max_bytes)
    if input_type is bytes:
        return content
    if input_type is str:
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
    """Yield Outputs unchanged; bytes, texts and documents become the content of one output."""
    first = next(items, None)
    if isinstance(first, Output):
        if not many:
            raise ConfigError(
                f"the transform {path} returns several outputs without declaring them",
                hint="Add the return annotation -> Iterator[Output].",
            )
        for output in chain((first,), items):
            if not isinstance(output, Output):
                raise ConfigError(f"the transform {path} yields both Output and {type(output).__name__}")
            yield output
    else:
        contents: Iterator[Any] = iter(()) if first is None else chain((first,), items)
        chunks = (_bytes(path, item) for item in contents)
        yield Output(chunks=chunks, name=source.name, content_type=source.content_type)


def _bytes(path: str, item: Any) -> bytes:
    """Return an item's bytes; a document becomes a JSON line."""
    if isinstance(item, (bytes, bytearray)):
        return bytes(item)
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, (dict, list)):
        return dump_json(item)
    raise ConfigError(f"the transform {path} yields a {type(item).__name__}")
