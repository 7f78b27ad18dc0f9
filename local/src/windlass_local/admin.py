"""The embedded AWS's own pages below `/_windlass/`: status, call log, faults, and what a file share's clients see."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from windlass_local import __version__
from windlass_local.call_log import CallLog
from windlass_local.faults import Faults
from windlass_local.request import DEFAULT_ACCOUNT, Request, Response

__all__ = ["PREFIX", "Admin", "Page"]

PREFIX = "/_windlass/"

Page = Callable[[str], Any]
"""A service's own page: from the rest of the path to its JSON; None when it does not exist."""


class Admin:
    """The handler of every path under `PREFIX`: JSON in, JSON out; `error` names what is invalid."""

    def __init__(self, calls: CallLog, faults: Faults, pages: Mapping[str, Page]) -> None:
        self._calls = calls
        self._faults = faults
        self._pages = pages
        self._started = time.monotonic()

    def answer(self, request: Request) -> Response:
        """Return the page that `request` names."""
        try:
            result = self._page(request)
        except (ValueError, TypeError, KeyError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"error": f"no such page: {request.path}"}, 404) if result is None else _json(result)

    def _page(self, request: Request) -> Any:
        match request.path.removeprefix(PREFIX):
            case "status":
                return self._status()
            case "calls":
                return self._call_page(request)
            case "faults":
                return self._fault_page(request)
        for prefix, page in self._pages.items():
            if request.path.startswith(prefix):
                return page(request.path.removeprefix(prefix))
        return None

    def _call_page(self, request: Request) -> Any:
        if request.method == "DELETE":
            self._calls.clear()
            return {}
        requested = dict(parse_qsl(request.query))
        limit = {"limit": int(requested.pop("limit"))} if "limit" in requested else {}
        return {"calls": self._calls.find(requested, **limit), "total": self._calls.total}

    def _fault_page(self, request: Request) -> Any:
        if request.method == "PUT":
            parameters = json.loads(request.body)
            document = parameters if isinstance(parameters, dict) else {"rules": parameters}
            self._faults.load(document["rules"], random_seed=int(document.get("random_seed", 0)))
        elif request.method == "DELETE":
            self._faults.load([])
        return {"rules": self._faults.dump()}

    def _status(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "moto": version("moto"),
            "uptime_s": round(time.monotonic() - self._started, 3),
            "calls": self._calls.total,
            "calls_by_service": self._calls.by_service(),
            "calls_by_account": self._calls.by_account(),
            "faults": len(self._faults.dump()),
            "rss_bytes": _rss_bytes(),
            "pid": os.getpid(),
            "default_account": DEFAULT_ACCOUNT,
        }


def _json(value: Any, status: int = 200) -> Response:
    body = json.dumps(value, default=str).encode()
    return Response(status=status, headers=(("content-type", "application/json"),), body=body)


def _rss_bytes() -> int:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)
