"""CloudFormation: moto's stacks over resources that are made by calls, as the service itself makes them.

moto's CloudFormation loads half of moto, a second of every start: it is loaded and patched when it is first called.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

from windlass_local.faults import Faults
from windlass_local.request import Request, Response
from windlass_local.sample_estate.clients import Clients

PRIVATE_NAMES: tuple[str, ...] = ()  # those of stacks/engine.py are looked at when it is loaded

_LOCK = threading.Lock()


class _Callers:
    """Clients of the servers that are up, and whether moto is patched: both belong to the process, as moto's state does."""

    def __init__(self) -> None:
        self.clients: list[tuple[str, Clients]] = []
        self.patched = False

    def latest(self) -> Clients:
        """Clients of the server that came up last."""
        return self.clients[-1][1]


_CALLERS = _Callers()


def install() -> None:
    """Nothing yet."""


def native(request: Request) -> Awaitable[Response | None] | None:  # noqa: ARG001  moto answers
    """None, which leaves every call to moto, once that is loaded and patched."""
    return None if _CALLERS.patched else asyncio.to_thread(_patch)


def opened(url: str, _faults: Faults) -> None:
    """A server is up at `url`, which stacks call."""
    _CALLERS.clients.append((url, Clients(url)))


def closed(url: str, _faults: Faults) -> None:
    """That server is going."""
    for one in [each for each in _CALLERS.clients if each[0] == url]:
        _CALLERS.clients.remove(one)
        one[1].close()


def _patch() -> None:
    with _LOCK:
        if _CALLERS.patched:
            return
        from windlass_local.cloudformation import lifecycle
        from windlass_local.moto_names import check_names

        check_names(lifecycle.PRIVATE_NAMES)
        lifecycle.apply(_latest)
        _CALLERS.patched = True


def _latest() -> Any:
    return _CALLERS.latest()
