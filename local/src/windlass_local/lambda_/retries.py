"""What follows a run of an asynchronous event: a retry, or its end and its destination. Pure.

Source: Lambda Developer Guide, "Asynchronous invocation" and "Capturing records of Lambda asynchronous invocations": two
retries of a function error, after one and two minutes; throttled events wait from one second to five minutes; six hours
at most; an event for a function whose concurrency is reserved to zero is not retried.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "RETRY_TAG",
    "InvokeRetryPolicy",
    "RetryDecision",
    "decide_retry",
    "delays_of_tag",
    "destination_record",
    "wait_for_room_s",
]

RETRY_TAG = "windlass:retry-seconds"
"""A function's tag: the waits before its two retries, as `0.1 0.5`. AWS's are fixed; tests need shorter ones."""
_RETRY_DELAYS_S = (60.0, 120.0)
_MAX_AGE_S = 21_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeRetryPolicy:
    """A function's retry settings: how often and how long to try, and where the records go (ARNs, or "")."""

    retries: int = 2
    max_age_s: float = _MAX_AGE_S
    delays_s: tuple[float, ...] = _RETRY_DELAYS_S
    on_success: str = ""
    on_failure: str = ""
    dead_letter: str = ""


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """A retry after `again_s`; None means that the event has ended, and `condition` is the cause."""

    again_s: float | None
    condition: str = ""


def decide_retry(policy: InvokeRetryPolicy, *, runs: int, failed: bool, age_s: float) -> RetryDecision:
    """Decide what follows the `runs`-th run of an event that was accepted `age_s` ago."""
    if not failed:
        return RetryDecision(None, "Success")
    if runs > policy.retries:
        return RetryDecision(None, "RetriesExhausted")
    again_s = policy.delays_s[min(runs, len(policy.delays_s)) - 1]
    if age_s + again_s > policy.max_age_s:
        return RetryDecision(None, "EventAgeExceeded")
    return RetryDecision(again_s)


def wait_for_room_s(throttles: int) -> float:
    """Return how long a throttled event waits. AWS starts at one second; here capacity is free sooner."""
    return float(min(0.05 * 2 ** min(throttles, 12), 2.0))


def delays_of_tag(text: str) -> tuple[float, ...]:
    """Return the waits that the tag sets; AWS's own when it is absent or not numeric."""
    try:
        delays = tuple(float(entry) for entry in text.split())
    except ValueError:
        return _RETRY_DELAYS_S
    return delays if delays and min(delays) >= 0 else _RETRY_DELAYS_S


def destination_record(
    *,
    request_id: str,
    arn: str,
    condition: str,
    runs: int,
    payload: bytes,
    version: str,
    failed: bool,
    response: bytes | None,
) -> dict[str, Any]:
    """Return the document that destinations receive."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": f"{datetime.now(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z",
        "requestContext": {
            "requestId": request_id,
            "functionArn": arn,
            "condition": condition,
            "approximateInvokeCount": runs,
        },
        "requestPayload": json.loads(payload or b"{}"),
    }
    if response is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": version}
        if failed:
            record["responseContext"]["functionError"] = "Unhandled"
        record["responsePayload"] = json.loads(response)
    return record
