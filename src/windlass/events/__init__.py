"""stub"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ObjectEvent:
    kind: str
    bucket: str
    key: str
    size_bytes: int = 0


@dataclass(frozen=True)
class Ignored:
    reason: str


@dataclass(frozen=True)
class Unrecognised:
    reason: str


Event = ObjectEvent | Ignored | Unrecognised


def read_events(payload: Any) -> tuple[Event, ...]:
    import json
    from urllib.parse import unquote_plus

    d = json.loads(payload)
    if "Records" not in d:
        return (Ignored("test"),)
    return tuple(
        ObjectEvent(
            r["eventName"],
            r["s3"]["bucket"]["name"],
            unquote_plus(r["s3"]["object"]["key"]),
            r["s3"]["object"].get("size", 0),
        )
        for r in d["Records"]
    )
