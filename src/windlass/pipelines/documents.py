"""JSON documents, read and written without loss: by orjson where it is exact, else by the standard library."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from windlass.pipelines.model import Reason, Rejected

__all__ = ["checked_depth", "dump_json", "parse_json"]

# orjson turns integers beyond 64 bits into floats; the standard library keeps them, so it gets those documents.
_LONG_NUMBER = re.compile(rb"\d{19}")
_MAX_DEPTH = 200


def parse_json(data: bytes, where: str = "") -> Any:
    """Return the document. Rejected, with `where` (such as "line 7") and the position, when it is not JSON."""
    at = f"{where}: " if where else ""
    try:
        if _LONG_NUMBER.search(data) is None:
            return orjson.loads(data)
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except orjson.JSONDecodeError as problem:
        raise Rejected(Reason.MALFORMED, f"{at}not JSON: {problem}") from problem
    except UnicodeDecodeError as problem:
        raise Rejected(Reason.NOT_TEXT, f"{at}not UTF-8 at byte {problem.start}") from problem
    except ValueError as problem:
        raise Rejected(Reason.MALFORMED, f"{at}not JSON: {problem}") from problem
    except RecursionError as problem:
        raise Rejected(Reason.BOMB, f"{at}nested too deeply") from problem


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def dump_json(value: Any, *, indent: bool = False, sort: bool = False) -> bytes:
    """Return compact (or indented) UTF-8 with a final line feed. Rejected for NaN and infinity, which JSON does not have."""
    option = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0) | (orjson.OPT_SORT_KEYS if sort else 0)
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, mostly
        try:
            separators = None if indent else (",", ":")
            text = json.dumps(
                value,
                ensure_ascii=False,
                indent=2 if indent else None,
                separators=separators,
                sort_keys=sort,
                allow_nan=False,
            )
            return text.encode() + b"\n"
        except (ValueError, TypeError, RecursionError) as problem:
            raise Rejected(Reason.UNSUPPORTED, f"cannot be written as JSON: {problem}") from problem


def checked_depth(value: Any, where: str = "") -> Any:
    """Return the value. Rejected when it is nested so deeply that its readers would fail."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item for item in item.values() if isinstance(item, (dict, list)))
            elif isinstance(item, list):
                inner.extend(item for item in item if isinstance(item, (dict, list)))
        if not inner:
            return value
        level = inner
    raise Rejected(Reason.BOMB, f"{where}nested more than {_MAX_DEPTH} levels deep".lstrip())
