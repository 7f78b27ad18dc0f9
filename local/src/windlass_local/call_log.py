"""The call log: each call, its caller and its response. Tests and demos read it."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import islice
from typing import Any

from windlass_local.request import Request

__all__ = ["CallLog", "LoggedCall"]

_KEPT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCall:
    """One answered call; `at` is a Unix time in seconds, `duration_s` server time.

    `resource` is what it names (a queue's URL, a table, a
    copy's source); `versioned` is true for an object's version; `roles` are passed to a service; `tagged` is true when it
    creates something with tags.
    """

    at: float
    account_id: str
    region: str
    service: str
    operation: str
    bucket: str
    method: str
    path: str
    status: int
    duration_s: float
    user_agent: str
    resource: str = ""
    versioned: bool = False
    roles: tuple[str, ...] = ()
    tagged: bool = False


class CallLog:
    """The last 100,000 calls and counts of all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._calls: deque[LoggedCall] = deque(maxlen=_KEPT)
            self._counts: Counter[str] = Counter()
            self._accounts: Counter[str] = Counter()
            self.total = 0

    def add(self, request: Request, status: int, started: float) -> None:
        """Record a response; `started` is a time.perf_counter()."""
        call = LoggedCall(
            at=time.time(),
            account_id=request.account_id,
            region=request.region,
            service=request.service,
            operation=request.operation,
            bucket=request.bucket,
            method=request.method,
            path=request.path,
            status=status,
            duration_s=time.perf_counter() - started,
            user_agent=request.headers.get("user-agent", ""),
            resource=request.resource,
            versioned=request.versioned,
            roles=request.roles,
            tagged=request.tagged,
        )
        with self._lock:
            self._calls.append(call)
            self._counts[call.service] += 1
            self._accounts[call.account_id] += 1
            self.total += 1

    def by_service(self) -> dict[str, int]:
        """Count calls by service since the start or the last clear."""
        with self._lock:
            return dict(self._counts)

    def by_account(self) -> dict[str, int]:
        """Count calls by account since the start or the last clear."""
        with self._lock:
            return dict(self._accounts)

    def find(self, requested: Mapping[str, str], *, limit: int = _KEPT) -> list[dict[str, Any]]:
        """Return the last `limit` calls whose fields equal `wanted`, oldest first. ValueError names an unknown field."""
        names = {field.name for field in fields(LoggedCall)}
        unknown = sorted(requested.keys() - names)
        if unknown:
            raise ValueError(f"a call has no field {', '.join(unknown)}; fields are {', '.join(sorted(names))}")
        with self._lock:
            stored = list(self._calls)
        result = (
            call for call in reversed(stored) if all(str(getattr(call, key)) == requested[key] for key in requested)
        )
        return [asdict(call) for call in islice(result, limit)][::-1]
