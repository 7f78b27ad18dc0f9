"""Decides whether a failed call is sent again, and after how long. Pure.

Back-off is exponential with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog), longer for
throttling than for faults.
"""

from __future__ import annotations

from dataclasses import dataclass

from windlass.core.aws_errors import EXPIRED_CODES, SKEW_CODES, THROTTLE_CODES, TRANSIENT_CODES
from windlass.wire.errors import BrokenResponse, ConnectionLost, Fault
from windlass.wire.model import RetryPolicy

__all__ = ["RetryDecision", "decide_after_fault", "decide_after_loss"]

_FIRST_S, _FIRST_THROTTLED_S, _LONGEST_S = 0.1, 0.5, 20.0


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """Send again after `wait_s`. `counts_as_attempt` is False after a correction: keys, clock, region, a stale connection."""

    wait_s: float = 0.0
    counts_as_attempt: bool = True
    renew_keys: bool = False
    correct_clock: bool = False
    region: str = ""


def decide_after_fault(
    fault: Fault, retry_policy: RetryPolicy, attempt: int, corrected: frozenset[str], draw: float
) -> RetryDecision | None:
    """Decide after an error response to attempt number `attempt` (from 1); None: do not retry.

    `corrected` names what was corrected already, each at most once: keys, clock, region. `draw` is in [0, 1).
    """
    if fault.code in EXPIRED_CODES and "keys" not in corrected:
        return RetryDecision(counts_as_attempt=False, renew_keys=True)
    if fault.code in SKEW_CODES and "clock" not in corrected:
        return RetryDecision(counts_as_attempt=False, correct_clock=True)
    moved = fault.status in (301, 307, 400) and fault.code not in THROTTLE_CODES
    if moved and fault.region and "region" not in corrected:
        return RetryDecision(counts_as_attempt=False, region=fault.region)
    if attempt >= retry_policy.attempts:
        return None
    if fault.is_unidentified:
        # The service may have carried it out, and a proxy answered: the same as a lost response.
        return RetryDecision(_wait_s(_FIRST_S, attempt, draw)) if retry_policy.retry_after_lost_response else None
    if fault.code in THROTTLE_CODES or fault.status in (429, 503):
        if not retry_policy.retry_throttled:
            return None
        return RetryDecision(_wait_s(_FIRST_THROTTLED_S, attempt, draw))
    if fault.status in (408, 500, 502, 504) or fault.code in TRANSIENT_CODES:
        return RetryDecision(_wait_s(_FIRST_S, attempt, draw))
    return None


def decide_after_loss(
    error: ConnectionLost | BrokenResponse, retry_policy: RetryPolicy, attempt: int, *, reused: bool, draw: float
) -> RetryDecision | None:
    """Decide after a lost response; None: do not retry. `reused`: the connection had answered before and may have been stale."""
    if isinstance(error, BrokenResponse):
        return None
    if not error.sent:
        return RetryDecision(_wait_s(_FIRST_S, attempt, draw)) if attempt < retry_policy.attempts else None
    if not retry_policy.retry_after_lost_response:
        return None
    if reused and not error.begun:
        # The server closed it while it was idle: the usual end of a kept connection, not a failure.
        return RetryDecision(counts_as_attempt=False)
    return RetryDecision(_wait_s(_FIRST_S, attempt, draw)) if attempt < retry_policy.attempts else None


def _wait_s(first_s: float, attempt: int, draw: float) -> float:
    return min(_LONGEST_S, first_s * 2.0 ** min(attempt - 1, 16)) * draw
