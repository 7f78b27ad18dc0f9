"""Files of JSON: one value, or one value a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from windlass.core.errors import UsageError

__all__ = ["json_objects"]


def json_objects(name: str, text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file: of one JSON value (an object, or a list of them), else of each line. UsageError."""
    try:
        values = json.loads(text) if text.strip() else []
    except ValueError:
        values = [_line(name, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for value in values if isinstance(values, list) else [values]:
        if not isinstance(value, dict):
            raise UsageError(
                f"{name}: expected JSON objects, not {type(value).__name__}", hint="See docs/guide/facts.md."
            )
        yield value


def _line(name: str, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise UsageError(f"{name}: line {number} is not JSON", hint="Was the file cut off?") from None
