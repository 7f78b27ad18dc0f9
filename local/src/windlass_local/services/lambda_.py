"""Lambda: moto's API over functions that run, each version in warm subprocesses of this machine's Python."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from windlass_local.faults import Faults
from windlass_local.lambda_ import api
from windlass_local.lambda_.functions import shared_functions
from windlass_local.request import Request, Response

PRIVATE_NAMES: tuple[str, ...] = ()  # moto's Lambda is changed by moto_patches/lambda_*.py


def install() -> None:
    """Create the runner of functions; a second call changes nothing."""
    shared_functions()


def native(request: Request) -> Awaitable[Response] | None:
    """Answer Invoke; everything else is moto's."""
    return api.invoke(shared_functions(), request) if api.invocation_path(request) else None


def server_started(url: str, _faults: Faults) -> None:
    """Let functions call the server at `url`."""
    shared_functions().server_started(url)


def server_stopped(url: str, _faults: Faults) -> None:
    """End the processes of that server's functions."""
    shared_functions().server_stopped(url)


def processes(_: str) -> dict[str, Any]:
    """Return the runtime processes and the number of waiting events, for tests and debugging."""
    return shared_functions().describe()
