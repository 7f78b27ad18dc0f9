"""The method `direct`: this process asks S3 for each copy, or streams objects between two services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from windlass.replication.config import ReplicationConfig
from windlass.replication.direct.model import CopyContext, CopyProgress
from windlass.replication.effects import Effect
from windlass.replication.methods.method import Poll, Result
from windlass.replication.model import BatchJob, Method, SeedState
from windlass.replication.planning.facts import PairFacts
from windlass.replication.planning.plan import PairPlan
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.checkpoint import Checkpoint
from windlass.replication.seed.task import SeedTask

if TYPE_CHECKING:
    from windlass.replication.seed.context import SeedContext

__all__ = ["DirectMethod"]


class DirectMethod:
    """Copies in this process: when `start` returns, every object was copied or has failed. The journal is its
    checkpoint.
    """

    name = Method.DIRECT

    def effects(
        self,
        plan: PairPlan,
        request: SeedRequest,
        config: ReplicationConfig,  # noqa: ARG002  the Protocol's
        *,
        seed_id: str,  # noqa: ARG002
        set_name: str,  # noqa: ARG002
    ) -> list[Effect]:
        """Return one effect for all copies; the objects are not listed one by one."""
        pair = plan.pair
        bucket = pair.destination if pair.destination.account_id or pair.services else pair.source
        count = plan.volume.to_move if plan.volume else 0
        how = (
            "copied by S3 at the request of this process, in parts above 5 GiB"
            if pair.one_service
            else f"read from {pair.source.name} and written by this process"
        )
        return [
            Effect(
                account_id=bucket.account_id,
                region=bucket.region,
                service="s3",
                operation="CopyObject" if pair.one_service else "PutObject",
                params={"Bucket": pair.destination.name},
                why=f"{count:,} objects{_extras(request)}, {how}",
            )
        ]

    def start(self, task: SeedTask, facts: PairFacts, request: SeedRequest, context: SeedContext) -> SeedTask:  # noqa: ARG002
        """Copy every object that the destination is missing."""
        task = context.save(task, state=SeedState.COPYING, detail="copying")

        def report(progress: CopyProgress) -> None:
            _save_progress(task, progress, context)

        progress = context.replication.direct.seed(task, CopyContext(context.stop, report))
        task = _save_progress(task, progress, context)
        context.replication.save_failures(task, progress.failures)
        return replace(task, state=SeedState.VERIFYING)

    def in_flight(self, task: SeedTask) -> bool:  # noqa: ARG002
        """Return False: AWS has no job for this method."""
        return False

    def poll(
        self,
        task: SeedTask,
        jobs: Mapping[str, BatchJob],  # noqa: ARG002
        context: SeedContext,  # noqa: ARG002
    ) -> tuple[SeedTask, Poll]:
        """Nothing to poll: another process copies."""
        return task, Poll.RUNNING

    def next_job(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> SeedTask:  # noqa: ARG002
        """Return the task: a direct seed has one run only."""
        return task

    def result(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> Result:  # noqa: ARG002
        """Return the task: `start` saved its counts and failures."""
        return Result(task)

    def restarted(self, task: SeedTask) -> Checkpoint:
        """Keep the cutoff; the pair is listed and compared again."""
        return Checkpoint(cutoff_at=task.checkpoint.cutoff_at)


def _save_progress(task: SeedTask, progress: CopyProgress, context: SeedContext) -> SeedTask:
    return context.save(
        task,
        total=progress.total,
        done=progress.copied,
        failed=progress.failed,
        size_bytes=progress.total_bytes,
        done_bytes=progress.copied_bytes,
        detail=f"{progress.copied:,} copied, {progress.skipped:,} already in sync",
    )


def _extras(request: SeedRequest) -> str:
    """Return what is copied in addition to current objects and their standard attributes."""
    extras = ["the missing versions"] if request.versions else []
    if request.versions and request.delete_markers is not False:
        extras.append("delete markers")
    return "".join(f", {extra}" for extra in (*extras, *sorted(request.preserve)))
