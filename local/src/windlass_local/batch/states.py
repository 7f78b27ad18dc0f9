"""The thirteen states of a job and the transitions between them. Pure.

Source: S3 user guide, "Tracking job status and completion reports", and the model's JobStatus.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["ENDED", "FOLLOWERS", "RUNNABLE", "State", "state_after_request"]


class State(StrEnum):
    """A job's status as the API names it."""

    NEW = "New"
    PREPARING = "Preparing"
    SUSPENDED = "Suspended"
    READY = "Ready"
    ACTIVE = "Active"
    PAUSING = "Pausing"
    PAUSED = "Paused"
    COMPLETING = "Completing"
    COMPLETE = "Complete"
    FAILING = "Failing"
    FAILED = "Failed"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"


FOLLOWERS: Mapping[State, frozenset[State]] = {
    State.NEW: frozenset({State.PREPARING, State.CANCELLING}),
    State.PREPARING: frozenset({State.SUSPENDED, State.READY, State.FAILING, State.CANCELLING}),
    State.SUSPENDED: frozenset({State.READY, State.FAILING, State.CANCELLING}),
    State.READY: frozenset({State.ACTIVE, State.CANCELLING}),
    State.ACTIVE: frozenset({State.PAUSING, State.COMPLETING, State.FAILING, State.CANCELLING}),
    State.PAUSING: frozenset({State.PAUSED, State.CANCELLING}),
    State.PAUSED: frozenset({State.ACTIVE, State.CANCELLING}),
    State.COMPLETING: frozenset({State.COMPLETE, State.FAILING}),
    State.FAILING: frozenset({State.FAILED}),
    State.CANCELLING: frozenset({State.CANCELLED}),
    State.COMPLETE: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
"""The possible next states. A job that was paused for another one continues when that one has ended."""

ENDED = frozenset({State.COMPLETE, State.FAILED, State.CANCELLED})
RUNNABLE = frozenset({State.READY, State.ACTIVE, State.PAUSED})


def state_after_request(state: State, wanted: str) -> State:
    """Return the state that a job enters when UpdateJobStatus asks for `Ready` or `Cancelled`.

    ValueError, in the service's words, when that cannot be requested or not in this state.
    """
    if wanted == State.READY:
        if state is not State.SUSPENDED:
            raise ValueError(f"The job is {state}; only a Suspended job can be made Ready.")
        return State.READY
    if wanted == State.CANCELLED:
        if State.CANCELLING not in FOLLOWERS[state]:
            raise ValueError(f"The job is {state} and can't be cancelled.")
        return State.CANCELLING
    raise ValueError(f"{wanted} can't be requested; Ready and Cancelled can.")
