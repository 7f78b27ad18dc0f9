"""The records of a file's JSON, with only the fields that are needed.

msgspec reads them in one pass into small structs. Files that it rejects (a lone surrogate, a text in place of an object,
NaN), and all files without msgspec, are read by a tolerant reader on the standard library. Both readers return the same
records: a field that is not a text is absent, a record that is not an object is omitted, and the last value of a repeated
name is used, as in Python's json.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import TYPE_CHECKING, Any, cast

from windlass.clients.scan.decompression import OtherKind, Unreadable

if TYPE_CHECKING:
    msgspec: Any
else:
    try:
        import msgspec
    except ImportError:
        msgspec = None

__all__ = ["IMPLEMENTATION", "Record", "read_record", "read_records", "read_tolerantly"]

IMPLEMENTATION = "msgspec" if msgspec else "json"

_WRAPPERS = ("detail", "eventData", "eventJson", "CloudTrailEvent", "Events", "Message")
"""The keys of CloudTrail's events in other services: EventBridge, CloudTrail Lake, LookupEvents, SNS."""
_MAX_DEPTH = 4

_SCHEMA: dict[str, tuple[tuple[str, str], ...]] = {
    "Additional": (("SignatureVersion", ""), ("AuthenticationMethod", "")),
    "Tls": (("tlsVersion", ""), ("clientProvidedHostHeader", "")),
    "Issuer": (("arn", ""),),
    "Session": (("sessionIssuer", "Issuer"),),
    "Identity": (
        ("type", ""),
        ("arn", ""),
        ("accountId", ""),
        ("accessKeyId", ""),
        ("invokedBy", ""),
        ("sessionContext", "Session"),
    ),
    "Parameters": (("bucketName", ""),),
    "Record": (
        ("eventSource", ""),
        ("eventTime", ""),
        ("userAgent", ""),
        ("awsRegion", ""),
        ("sourceIPAddress", ""),
        ("recipientAccountId", ""),
        ("vpcEndpointId", ""),
        ("sessionCredentialFromConsole", ""),
        ("additionalEventData", "Additional"),
        ("tlsDetails", "Tls"),
        ("userIdentity", "Identity"),
        ("requestParameters", "Parameters"),
    ),
}


@dataclass(slots=True)
class _Additional:
    SignatureVersion: str | None = None
    AuthenticationMethod: str | None = None


@dataclass(slots=True)
class _Tls:
    tlsVersion: str | None = None  # noqa: N815  CloudTrail's own names
    clientProvidedHostHeader: str | None = None  # noqa: N815


@dataclass(slots=True)
class _Issuer:
    arn: str | None = None


@dataclass(slots=True)
class _Session:
    sessionIssuer: _Issuer | None = None  # noqa: N815


@dataclass(slots=True)
class _Identity:
    type: str | None = None
    arn: str | None = None
    accountId: str | None = None  # noqa: N815
    accessKeyId: str | None = None  # noqa: N815
    invokedBy: str | None = None  # noqa: N815
    sessionContext: _Session | None = None  # noqa: N815


@dataclass(slots=True)
class _Parameters:
    bucketName: str | None = None  # noqa: N815


@dataclass(slots=True)
class Record:
    """The fields of a CloudTrail record that are used; None when absent or of another type."""

    eventSource: str | None = None  # noqa: N815
    eventTime: str | None = None  # noqa: N815
    userAgent: str | None = None  # noqa: N815
    awsRegion: str | None = None  # noqa: N815
    sourceIPAddress: str | None = None  # noqa: N815
    recipientAccountId: str | None = None  # noqa: N815
    vpcEndpointId: str | None = None  # noqa: N815
    sessionCredentialFromConsole: str | None = None  # noqa: N815
    additionalEventData: _Additional | None = None  # noqa: N815
    tlsDetails: _Tls | None = None  # noqa: N815
    userIdentity: _Identity | None = None  # noqa: N815
    requestParameters: _Parameters | None = None  # noqa: N815


_TOLERANT: dict[str, Any] = {
    "Additional": _Additional,
    "Tls": _Tls,
    "Issuer": _Issuer,
    "Session": _Session,
    "Identity": _Identity,
    "Parameters": _Parameters,
    "Record": Record,
}


def _decoders() -> tuple[Any, Any]:
    """Return msgspec's decoders of a file and of one record, with structs made from the schema."""
    structs: dict[str, Any] = {}
    for name, fields in _SCHEMA.items():
        rows: Any = [(field, (structs[kind] if kind else str) | None, None) for field, kind in fields]
        structs[name] = msgspec.defstruct(f"Fast{name}", rows, gc=False)
    record = structs["Record"]
    listed: Any = GenericAlias(list, (record,)) | msgspec.UnsetType
    file = msgspec.defstruct("FastFile", [("Records", listed, msgspec.UNSET)], gc=False)
    return msgspec.json.Decoder(file), msgspec.json.Decoder(record)


_decode: tuple[Any, Any] = _decoders() if msgspec else (None, None)
_FILE, _RECORD = _decode


def read_records(raw: bytes) -> Sequence[Record]:
    """Return every record of a file. Unreadable when it is truncated or not JSON, OtherKind without CloudTrail records."""
    if msgspec:
        try:
            records: Any = _FILE.decode(raw).Records
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            pass  # the tolerant reader reads the file, or raises the reason
        else:
            if records is not msgspec.UNSET:
                return cast("Sequence[Record]", records)
    return read_tolerantly(raw)


def read_record(raw: bytes) -> Record:
    """Return one record that was cut out of a large file."""
    if msgspec:
        try:
            record: Record = _RECORD.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            pass
        else:
            return record
    value = _loads(raw)
    return cast("Record", _shaped("Record", value if isinstance(value, dict) else {}))


def read_tolerantly(raw: bytes) -> list[Record]:
    """Return every record, by the standard library alone, in every layout of CloudTrail's events.

    Log files (`Records`), a list of events, one event, one JSON value per line, EventBridge's envelope (`detail`), CloudTrail
    Lake (`eventData`, `eventJson`), LookupEvents (`Events`, `CloudTrailEvent`).
    """
    value = _loads(raw)
    events = list(_events(value))
    if not events and not (isinstance(value, dict) and isinstance(value.get("Records"), list)):
        raise OtherKind(
            "not a CloudTrail file: no Records" if isinstance(value, dict) else "not a CloudTrail file: no events"
        )
    return [_shaped("Record", event) for event in events]


def _events(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    if isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    if isinstance(value, list) and depth < _MAX_DEPTH:
        for item in value:
            if not isinstance(item, str):
                yield from _events(item, depth + 1)
    elif isinstance(value, dict) and isinstance(value.get("Records"), list):
        yield from (item for item in value["Records"] if isinstance(item, dict))
    elif isinstance(value, dict) and ("eventSource" in value or "eventVersion" in value):
        yield value
    elif isinstance(value, dict) and depth < _MAX_DEPTH:
        for name in _WRAPPERS:
            if name in value:
                yield from _events(value[name], depth + 1)


def _loads(raw: bytes) -> Any:
    # Bytes that are not UTF-8 are replaced: they may be in an object's key, which no rule reads.
    text = raw.decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValueError:
        pass
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and text.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            return [json.loads(line) for line in lines]
    if text.lstrip()[:1] in ("{", "["):
        raise Unreadable("not JSON: truncated or damaged")
    raise OtherKind("not JSON")


def _shaped(kind: str, value: dict[str, Any]) -> Any:
    fields: dict[str, Any] = {}
    for name, inner in _SCHEMA[kind]:
        item = value.get(name)
        if inner:
            fields[name] = _shaped(inner, item) if isinstance(item, dict) else None
        else:
            fields[name] = _clean(item) if isinstance(item, str) else None
    return _TOLERANT[kind](**fields)


def _clean(text: str) -> str:
    """Return the text without halves of surrogate pairs, which databases and terminals reject."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
