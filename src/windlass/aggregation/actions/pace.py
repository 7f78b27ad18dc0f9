"""The pace of refreshes within one process: at most one in flight per share, and a minimum time between two.

RefreshCache within 60 seconds of the last one evicts nothing from the cache (API reference), so a refresh that is too early
would leave stale listings.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["completed", "release", "reserve", "started"]

# Windows of several keys may refresh one share at once, on threads.
_LOCK = threading.Lock()
_NAME = "storage-gateway pace"


@dataclass(frozen=True, slots=True)
class _Refresh:
    started_at: float
    token: str = ""
    ended: bool = False


def reserve(memory: dict[str, Any], arns: Iterable[str], now: float, *, spacing_s: float, in_flight_s: float) -> float:
    """Reserve all shares or none. Return 0 when reserved, else the seconds until all of them may be refreshed."""
    with _LOCK:
        refreshes: dict[str, _Refresh] = memory.setdefault(_NAME, {})
        arns = tuple(arns)
        for arn, last in refreshes.items():
            if (
                last.started_at > now
            ):  # the clock was set back: restart the count, or shares would wait until the clock catches up
                refreshes[arn] = replace(last, started_at=now)
        wait_s = max((_wait_s(refreshes.get(arn), now, spacing_s, in_flight_s) for arn in arns), default=0.0)
        if wait_s <= 0:
            refreshes.update({arn: _Refresh(now) for arn in arns})
        return max(wait_s, 0.0)


def started(memory: dict[str, Any], arn: str, token: str) -> None:
    """Record the token of a share's started refresh."""
    with _LOCK:
        refreshes: dict[str, _Refresh] = memory.setdefault(_NAME, {})
        if arn in refreshes:
            refreshes[arn] = _Refresh(refreshes[arn].started_at, token)


def release(memory: dict[str, Any], arn: str) -> None:
    """Release a share whose refresh the service refused."""
    with _LOCK:
        memory.setdefault(_NAME, {}).pop(arn, None)


def completed(memory: dict[str, Any], token: str) -> bool:
    """Record a completion event ("Storage Gateway Refresh Cache Event"): the refresh is no longer in flight.

    Return False when no refresh of this process has this token.
    """
    with _LOCK:
        refreshes: dict[str, _Refresh] = memory.setdefault(_NAME, {})
        for arn, last in refreshes.items():
            if token and last.token == token:
                refreshes[arn] = _Refresh(last.started_at, token, ended=True)
                return True
        return False


def _wait_s(last: _Refresh | None, now: float, spacing_s: float, in_flight_s: float) -> float:
    if last is None:
        return 0.0
    whole_s = spacing_s if last.ended else max(spacing_s, in_flight_s)
    return last.started_at + whole_s - now
