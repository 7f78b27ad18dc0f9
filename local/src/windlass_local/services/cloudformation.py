"""CloudFormation: moto's stacks over resources that are made by calls (`moto_patches/cloudformation_resources.py`).

Loading moto's CloudFormation takes a second, so it is loaded and patched at its first call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from windlass_local import moto_patches
from windlass_local.cloudformation import server_clients
from windlass_local.faults import Faults
from windlass_local.request import Request, Response

PRIVATE_NAMES: tuple[str, ...] = ()  # those of the patches are checked when they are applied


def install() -> None:
    """Do nothing: the patches are applied at the first call."""


def native(request: Request) -> Awaitable[Response | None] | None:  # noqa: ARG001  moto answers
    """Apply the patches at the first call; return None, which leaves every call to moto."""
    return None if moto_patches.cloudformation_is_patched() else asyncio.to_thread(moto_patches.apply_cloudformation)


def server_started(url: str, _faults: Faults) -> None:
    """Make clients for the server at `url`."""
    server_clients.add_server(url)


def server_stopped(url: str, _faults: Faults) -> None:
    """Close those clients."""
    server_clients.remove_server(url)
