"""Times that tests and demos may change: how long states last, how often tasks are retried, when a job is given up."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BATCH_TIMING", "BatchTiming"]


@dataclass(slots=True)
class BatchTiming:
    """Times in seconds. As in AWS, a job fails when more than half of its tasks did, once 1,000 have run."""

    state_s: float = 0.05
    """How long New, Preparing and the states that end in -ing last at least."""
    task_s: float = 0.0
    """How long each task takes beside its own work."""
    failing_share: float = 0.5
    failing_after: int = 1000
    tries: int = 3
    """How often a task is tried that S3 answers with 500 or 503, or a function with TemporaryFailure."""
    together: int = 10
    """How many tasks of LambdaInvoke run at once."""


BATCH_TIMING = BatchTiming()
"""The pace of this process, as moto's state is."""
