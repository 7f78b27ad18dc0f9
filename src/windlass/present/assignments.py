"""`KEY=VALUE` on the command line, as settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from windlass.core.errors import UsageError

__all__ = ["parse_assignments"]


def parse_assignments(texts: Sequence[str]) -> dict[str, Any]:
    """Read `KEY=VALUE` texts; a value is JSON where it parses as JSON, else text. UsageError without an equals sign."""
    values: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f"--setting {text}: the value is missing", hint="Write KEY=VALUE: --setting visibility_s=120"
            )
        try:
            values[key.strip()] = json.loads(value)
        except ValueError:
            values[key.strip()] = value
    return values
