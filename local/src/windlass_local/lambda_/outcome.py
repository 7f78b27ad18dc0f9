"""The outcome of one run of a function, and Lambda's messages for its failures. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["Invocation", "LogLine", "RunOutcome", "Throttled", "exited", "timed_out"]

LogLine = tuple[int, str]
"""When it was written (epoch milliseconds), and the line without its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One event for one function."""

    request_id: str
    arn: str
    payload: bytes
    client_context: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """`payload` is the function's response or, when it `failed`, the error document. Times in milliseconds."""

    payload: bytes
    failed: bool
    lines: tuple[LogLine, ...]
    duration_ms: float
    init_ms: float | None
    peak_mb: int
    ended: str = ""
    """`timeout` or `error` when the run ended the process, as the report line shows."""


class Throttled(Exception):
    """A function that is at its concurrency limit; `reason` is the API's."""

    def __init__(self, reason: str) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason


def timed_out(request_id: str, timeout_s: int) -> tuple[bytes, str]:
    """Return the error document and the log line of a run that timed out."""
    text = f"Task timed out after {timeout_s:.2f} seconds"
    document = {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request_id} Error: {text}"}
    now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return json.dumps(document).encode(), f"{now}Z {request_id} {text}\n"


def exited(request_id: str, returncode: int) -> tuple[bytes, str]:
    """Return the error document and the log line of a process that exited or was killed (a negative code)."""
    if returncode < 0:
        how = "with error: signal: killed" if returncode == -9 else f"with error: signal: {-returncode}"
    else:
        how = f"with error: exit status {returncode}" if returncode else "without providing a reason"
    text = f"RequestId: {request_id} Error: Runtime exited {how}"
    document = {"errorType": "Runtime.ExitError", "errorMessage": text}
    return json.dumps(document).encode(), f"{text}\nRuntime.ExitError"
