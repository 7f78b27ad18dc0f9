"""Faults for calls that this process makes itself: a batch job's tasks, replication."""

from __future__ import annotations

import time

from windlass_local.errors import error_response
from windlass_local.faults import Faults
from windlass_local.request import Request, Response

__all__ = ["fault_response"]


def fault_response(faults: tuple[Faults, ...], request: Request) -> Response | None:
    """Apply the faults for a call made in this process: wait its delay; return the response to use instead of its own, or None."""
    for fault in faults:
        effect = fault.decide(request, time.monotonic())
        if effect.delay_s:
            time.sleep(effect.delay_s)
        if isinstance(effect.outcome, Response):
            return effect.outcome
        if effect.outcome is not None:
            return error_response(request, 500, "InternalError", "We encountered an internal error. Please try again.")
    return None
