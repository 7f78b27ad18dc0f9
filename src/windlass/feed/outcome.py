"""The outcome of a message, once the resources of its events were read. Pure."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

__all__ = ["MAX_RECEIVES", "MessageOutcome", "outcome_of", "recheck_after_s"]

MAX_RECEIVES = 5
"""Receives in which an unconfirmed change is read again: about a minute and a half with the default `recheck_s`."""
_LONGEST_S = 900.0


class MessageOutcome(StrEnum):
    """Done; to be read again, because AWS does not show the change yet; or failed, with the queue's back-off."""

    DONE = "done"
    RECHECK = "recheck"
    FAILED = "failed"


def outcome_of(
    event_ids: Collection[str], *, failed: Collection[str], unconfirmed: Collection[str], receive_count: int
) -> MessageOutcome:
    """Return the outcome of a message with these events."""
    if not set(event_ids).isdisjoint(failed):
        return MessageOutcome.FAILED
    if receive_count < MAX_RECEIVES and not set(event_ids).isdisjoint(unconfirmed):
        return MessageOutcome.RECHECK
    return MessageOutcome.DONE


def recheck_after_s(recheck_s: float, receive_count: int) -> float:
    """Return the seconds until an unconfirmed change is read again."""
    return min(_LONGEST_S, recheck_s * 2.0 ** max(0, receive_count - 1))
