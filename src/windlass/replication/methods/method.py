"""The Protocol of a method: how the objects of one seed are copied, from the writes of a dry run to the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from windlass.replication.config import ReplicationConfig
from windlass.replication.effects import Effect
from windlass.replication.model import BatchJob, Method
from windlass.replication.planning.facts import PairFacts
from windlass.replication.planning.plan import PairPlan
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.checkpoint import Checkpoint
from windlass.replication.seed.task import SeedTask

if TYPE_CHECKING:
    from windlass.replication.seed.context import SeedContext

__all__ = ["Poll", "Result", "SeedMethod"]


class Poll(StrEnum):
    """The result of one poll of a seed's AWS job."""

    RUNNING = "running"
    NEXT_JOB = "next_job"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Result:
    """A seed whose objects were processed: `status` in the words of batch jobs, and the reason of a failed job."""

    task: SeedTask
    status: str = "Complete"
    error: str = ""

    @property
    def ended(self) -> bool:
        """False when another job was started instead."""
        return self.status in ("Complete", "Failed", "Cancelled")


class SeedMethod(Protocol):
    """One way to copy the objects of a pair. Every step is idempotent: the task's checkpoint says what is done."""

    @property
    def name(self) -> Method:
        """The name that `--method` takes."""

    def effects(
        self, plan: PairPlan, request: SeedRequest, config: ReplicationConfig, *, seed_id: str, set_name: str
    ) -> list[Effect]:
        """Return the writes of a planned seed, in order, as a dry run prints them."""

    def start(self, task: SeedTask, facts: PairFacts, request: SeedRequest, context: SeedContext) -> SeedTask:
        """Start the copies. The task is COPYING while AWS copies, and VERIFYING when all copies are finished."""

    def in_flight(self, task: SeedTask) -> bool:
        """True when AWS has a job of this seed, which must be polled instead of started again."""

    def poll(self, task: SeedTask, jobs: Mapping[str, BatchJob], context: SeedContext) -> tuple[SeedTask, Poll]:
        """Read the status of the seed's job; `jobs` are the Batch Operations jobs of all seeds, by id."""

    def next_job(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> SeedTask:
        """Start the next job of a seed that has several."""

    def result(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> Result:
        """Read the results of the seed's jobs: counts, failures, status."""

    def restarted(self, task: SeedTask) -> Checkpoint:
        """Return the checkpoint from which a failed seed is restarted."""
