"""The bodies of osquery's requests, read tolerantly: a malformed entry does not affect the others. Pure.

Shapes: osquery's documentation "Remotely interfacing osquery" and "Logging"; `TLSLogForwarder::send`, `Distributed::flushCompleted`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from windlass.core.errors import UsageError
from windlass.osquery.model import HostDetails, Row

__all__ = ["LogBatch", "ResultLine", "host_details", "live_results", "log_batch", "parse_body", "text_of"]

_WINDOWS, _LINUX, _MACOS = 0x02, 0x08, 0x10
"""Bits of `platform_type` (osquery: `PlatformType`)."""
MAX_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine:
    """A result of one run of a scheduled query. `rows` of a snapshot, else `added` and `removed`."""

    query: str
    unix_time: int
    epoch: int
    counter: int
    is_snapshot: bool = False
    is_event: bool = False  # one row of a difference (`logger_event_type=true`): others of the run may follow
    rows: tuple[Row, ...] = ()
    added: tuple[Row, ...] = ()
    removed: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class LogBatch:
    """The results of a log request, the cloud identity of their decorations, and how many entries were malformed."""

    lines: tuple[ResultLine, ...]
    decorations: Mapping[str, str]
    malformed: int


def parse_body(body: bytes, *, encoding: str, limit: int) -> Mapping[str, Any]:
    """Return the JSON object of a request. UsageError when it is larger than `limit` bytes or not a JSON object."""
    data = _decompressed(body, limit) if encoding == "gzip" else body
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        # Tables hold names of files and users in any encoding, and osquery passes their bytes on.
        try:
            value = orjson.loads(data.decode("utf-8", "replace"))
        except orjson.JSONDecodeError:
            raise UsageError(
                "the body is not JSON", hint="osquery sends JSON; is this another program, or a proxy in between?"
            ) from None
    if not isinstance(value, dict):
        raise UsageError("the body is not a JSON object", hint="osquery's remote API sends objects.")
    return value


def _decompressed(body: bytes, limit: int) -> bytes:
    decoder = zlib.decompressobj(wbits=31)
    try:
        data = decoder.decompress(body, limit + 1)
    except zlib.error:
        raise UsageError("the body is not gzip", hint="Its Content-Encoding says gzip.") from None
    if len(data) > limit:
        raise UsageError(
            f"the body is larger than {limit:,} bytes", hint="Raise osquery.max_body_mb.", code="BodyTooLarge"
        )
    if not decoder.eof:
        raise UsageError("the gzip body is cut off", hint="A proxy in between may limit the size of bodies.")
    return data


def text_of(value: Any) -> str:
    """Return a JSON value as osquery's text: texts and numbers; anything else is empty. Without NUL, which databases refuse."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def host_details(request: Mapping[str, Any]) -> HostDetails:
    """Read an enrollment request. UsageError when it does not name the host."""
    details = _object(request.get("host_details"))
    system, osquery = _object(details.get("system_info")), _object(details.get("osquery_info"))
    identifier = text_of(request.get("host_identifier")).strip()[:MAX_NAME]
    if not identifier:
        raise UsageError("the enrollment names no host_identifier", hint="Start osqueryd with --host_identifier=uuid.")
    return HostDetails(
        host_identifier=identifier,
        name=(text_of(system.get("hostname")) or text_of(system.get("computer_name")))[:MAX_NAME],
        platform=_platform(request, _object(details.get("os_version"))),
        host_uuid=text_of(system.get("uuid")).strip().lower()[:64],
        vendor=text_of(system.get("hardware_vendor"))[:MAX_NAME],
        osquery_version=text_of(osquery.get("version"))[:40],
    )


def log_batch(request: Mapping[str, Any]) -> LogBatch:
    """Read the results of a log request in the order in which they were sent."""
    lines: list[ResultLine] = []
    decorations: dict[str, str] = {}
    malformed = 0
    entries = request.get("data")
    for entry in entries if isinstance(entries, list) else ():
        line = _result_line(entry) if isinstance(entry, dict) else None
        if line is None:
            malformed += 1
            continue
        lines.append(line)
        decorations.update(_row(entry.get("decorations")) or {})
    return LogBatch(tuple(lines), decorations, malformed)


def live_results(request: Mapping[str, Any]) -> dict[str, tuple[tuple[Row, ...], str]]:
    """Read a distributed write: the rows and the error (empty: none) of each query.

    The status is SQLite's code, as a number or a text; 0 is success. Without it, rows are a success.
    """
    statuses, messages = _object(request.get("statuses")), _object(request.get("messages"))
    results: dict[str, tuple[tuple[Row, ...], str]] = {}
    for query_id, rows in _object(request.get("queries")).items():
        status = text_of(statuses.get(query_id, 0)) or "0"
        error = "" if status == "0" else text_of(messages.get(query_id)) or f"osquery failed with status {status}"
        results[query_id] = (_rows(rows) or (), error)
    for query_id in statuses.keys() - results.keys():  # some versions leave out the rows of a failed query
        results[query_id] = ((), text_of(messages.get(query_id)) or "osquery returned no rows for this query")
    return results


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _platform(request: Mapping[str, Any], os_version: Mapping[str, Any]) -> str:
    bits = text_of(request.get("platform_type"))
    number = int(bits) if bits.isdecimal() else 0
    for bit, name in ((_MACOS, "darwin"), (_LINUX, "linux"), (_WINDOWS, "windows")):
        if number & bit:
            return name
    named = text_of(os_version.get("platform"))
    if named in ("darwin", "windows"):
        return named
    return "linux" if named else ""


def _result_line(entry: Mapping[str, Any]) -> ResultLine | None:
    """Return the line of a result in any of osquery's formats. None when it has no rows or no time."""
    query, unix_time = text_of(entry.get("name")), _integer(entry.get("unixTime"))
    if not query or unix_time is None:
        return None
    epoch, counter = _integer(entry.get("epoch")) or 0, _integer(entry.get("counter")) or 0
    snapshot, difference = entry.get("snapshot"), entry.get("diffResults")
    action, columns = entry.get("action"), _row(entry.get("columns"))
    if snapshot is not None or action == "snapshot":
        rows = _rows([] if snapshot in (None, "") else snapshot)
        if rows is None:
            return None
        return ResultLine(query=query, unix_time=unix_time, epoch=epoch, counter=counter, is_snapshot=True, rows=rows)
    if isinstance(difference, dict):
        added, removed = _rows(difference.get("added") or []), _rows(difference.get("removed") or [])
        if added is None or removed is None:
            return None
        return ResultLine(query=query, unix_time=unix_time, epoch=epoch, counter=counter, added=added, removed=removed)
    if columns is None or action not in ("added", "removed"):
        return None
    kept = (columns,)
    return ResultLine(
        query=query,
        unix_time=unix_time,
        epoch=epoch,
        counter=counter,
        is_event=True,
        added=kept if action == "added" else (),
        removed=kept if action == "removed" else (),
    )


def _rows(value: Any) -> tuple[Row, ...] | None:
    """Return rows. None when one of them is malformed: the others would not be all of them."""
    if not isinstance(value, list):
        return () if value in ("", None) else None  # old versions send an empty list as an empty text
    rows = [_row(row) for row in value]
    return None if None in rows else tuple(row for row in rows if row is not None)


def _row(value: Any) -> Row | None:
    if not isinstance(value, dict):
        return None
    return {str(name): text_of(cell) for name, cell in value.items()}


def _integer(value: Any) -> int | None:
    text = text_of(value)
    return int(text) if text.isdecimal() and len(text) < 20 else None
