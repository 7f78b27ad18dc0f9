"""At most one refresh in flight per share, and some time between two: remembered in a process, by share.

A refresh within 60 seconds of the last evicts nothing from the cache (API reference of RefreshCache): it would be a refresh
in name only, so the pace is part of being right, not only of being polite.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["completed", "give_back", "reserve", "started"]

# Windows of several keys may act on one share at once, on threads.
_LOCK = threading.Lock()
_NAME = "storage-gateway pace"


@dataclass(frozen=True, slots=True)
class _Last:
    started_at: float
    token: str = ""
    ended: bool = False


def reserve(memory: dict[str, Any], arns: Iterable[str], now: float, *, spacing_s: float, in_flight_s: float) -> float:
    """Take all shares, or none: 0 when they are taken, else the seconds until the last of them may be refreshed."""
    with _LOCK:
        known: dict[str, _Last] = memory.setdefault(_NAME, {})
        arns = tuple(arns)
        for arn, last in known.items():
            if (
                last.started_at > now
            ):  # the clock was set back: count from here, or shares would wait until it catches up
                known[arn] = replace(last, started_at=now)
        wait_s = max((_wait_s(known.get(arn), now, spacing_s, in_flight_s) for arn in arns), default=0.0)
        if wait_s <= 0:
            known.update({arn: _Last(now) for arn in arns})
        return max(wait_s, 0.0)


def started(memory: dict[str, Any], arn: str, token: str) -> None:
    """What the share's refresh is known by, now that it began."""
    with _LOCK:
        known: dict[str, _Last] = memory.setdefault(_NAME, {})
        if arn in known:
            known[arn] = _Last(known[arn].started_at, token)


def give_back(memory: dict[str, Any], arn: str) -> None:
    """The service refused: no refresh began, no pace is to be kept."""
    with _LOCK:
        memory.setdefault(_NAME, {}).pop(arn, None)


def completed(memory: dict[str, Any], token: str) -> bool:
    """A completion event came ("Storage Gateway Refresh Cache Event"): that refresh is no longer in flight.

    False when it is none of this process's.
    """
    with _LOCK:
        known: dict[str, _Last] = memory.setdefault(_NAME, {})
        for arn, last in known.items():
            if token and last.token == token:
                known[arn] = _Last(last.started_at, token, ended=True)
                return True
        return False


def _wait_s(last: _Last | None, now: float, spacing_s: float, in_flight_s: float) -> float:
    if last is None:
        return 0.0
    whole_s = spacing_s if last.ended else max(spacing_s, in_flight_s)
    return last.started_at + whole_s - now
