"""From a file's JSON to its records, reading only the fields that are asked for.

msgspec reads them in one pass into small structs. Whatever it does not take (a lone surrogate, a text where an object
should be, NaN) is read again by the standard library, tolerantly; without msgspec everything is. Both give the same
records for every file: a field of another type than text counts as absent, a record that is no object is left out, and
of a name given twice the last counts, as in Python's own json.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from windlass.clients.scan.inflate import OtherKind, Unreadable

if TYPE_CHECKING:
    msgspec: Any
else:
    try:
        import msgspec
    except ImportError:
        msgspec = None

__all__ = ["ENGINE", "Record", "read_record", "read_records", "read_tolerantly"]

ENGINE = "msgspec" if msgspec else "json"

_WRAPPERS = ("detail", "eventData", "eventJson", "CloudTrailEvent", "Events", "Message")
"""Names under which other services hand on CloudTrail's events: EventBridge, CloudTrail Lake, LookupEvents, SNS."""
_DEEPEST = 4

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
    """The fields of one CloudTrail record that anything here asks for; None where absent or not of its type."""

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
    """msgspec's decoders of a file and of one record, their structs made from the schema."""
    made: dict[str, Any] = {}
    for name, fields in _SCHEMA.items():
        rows: Any = [(field, (made[kind] if kind else str) | None, None) for field, kind in fields]
        made[name] = msgspec.defstruct(f"Fast{name}", rows, gc=False)
    record = made["Record"]
    listed: Any = GenericAlias(list, (record,)) | msgspec.UnsetType
    whole = msgspec.defstruct("FastFile", [("Records", listed, msgspec.UNSET)], gc=False)
    return msgspec.json.Decoder(whole), msgspec.json.Decoder(record)


_decode: tuple[Any, Any] = _decoders() if msgspec else (None, None)
_FILE, _RECORD = _decode


def read_records(raw: bytes) -> Sequence[Record]:
    """Every record of a file. Unreadable when it is cut off or no JSON, OtherKind when it holds no CloudTrail records."""
    if msgspec:
        try:
            found: Any = _FILE.decode(raw).Records
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            pass  # the tolerant reader says what is wrong, or that nothing is
        else:
            if found is not msgspec.UNSET:
                records: Sequence[Record] = found
                return records
    return read_tolerantly(raw)


def read_record(raw: bytes) -> Record:
    """One record cut out of a file too large to be read whole."""
    if msgspec:
        try:
            found: Record = _RECORD.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            pass
        else:
            return found
    value = _loads(raw)
    record: Record = _shaped("Record", value if isinstance(value, dict) else {})
    return record


def read_tolerantly(raw: bytes) -> list[Record]:
    """Every record, by the standard library alone and in every layout that CloudTrail's events are handed around in.

    Log files (`Records`), a list of events, one event, one JSON value a line, EventBridge's envelope (`detail`), CloudTrail
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
    if isinstance(value, list) and depth < _DEEPEST:
        for item in value:
            if not isinstance(item, str):
                yield from _events(item, depth + 1)
    elif isinstance(value, dict) and isinstance(value.get("Records"), list):
        yield from (item for item in value["Records"] if isinstance(item, dict))
    elif isinstance(value, dict) and ("eventSource" in value or "eventVersion" in value):
        yield value
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name in _WRAPPERS:
            if name in value:
                yield from _events(value[name], depth + 1)


def _loads(raw: bytes) -> Any:
    # Bytes that are no UTF-8 are replaced, not refused: they may stand in an object's key that nobody asks for.
    text = raw.decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable("nested too deep") from None
    except ValueError:
        pass
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and text.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            return [json.loads(line) for line in lines]
    if text.lstrip()[:1] in ("{", "["):
        raise Unreadable("not JSON: cut off or damaged")
    raise OtherKind("not JSON")


def _shaped(kind: str, value: dict[str, Any]) -> Any:
    fields: dict[str, Any] = {}
    for name, inner in _SCHEMA[kind]:
        found = value.get(name)
        if inner:
            fields[name] = _shaped(inner, found) if isinstance(found, dict) else None
        else:
            fields[name] = _clean(found) if isinstance(found, str) else None
    return _TOLERANT[kind](**fields)


def _clean(text: str) -> str:
    """The text without halves of surrogate pairs, which no database and no terminal takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
