"""What a file says, by the standard library and the spec's own words alone: the engines' measure."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def tell(raw: bytes) -> Counter[tuple[str, str, str, str]] | None:
    """(agent, signature, TLS version, day) of every S3 record; None when the file is none of CloudTrail's."""
    try:
        whole = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(whole, dict) or not isinstance(whole.get("Records"), list):
        return None
    found: Counter[tuple[str, str, str, str]] = Counter()
    for record in whole["Records"]:
        if isinstance(record, dict) and record.get("eventSource") == "s3.amazonaws.com":
            extra, tls = _object(record.get("additionalEventData")), _object(record.get("tlsDetails"))
            key = (
                record.get("userAgent"),
                extra.get("SignatureVersion"),
                tls.get("tlsVersion"),
                record.get("eventTime"),
            )
            agent, signature, version, time = (_text(value) for value in key)
            found[agent, signature, version, time[:10]] += 1
    return found
