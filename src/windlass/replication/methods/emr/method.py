"""The method `emr`: an s3-dist-cp step on a cluster, or a Spark job on EMR Serverless that processes a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from windlass.core.errors import AwsError
from windlass.replication.config import ReplicationConfig
from windlass.replication.effects import Effect, perform
from windlass.replication.methods.batch.effects import staging_prefixes
from windlass.replication.methods.batch.method import write_manifests
from windlass.replication.methods.emr import step as emr
from windlass.replication.methods.method import Poll, Result
from windlass.replication.model import BatchJob, ManifestRef, Method, SeedState
from windlass.replication.planning.facts import PairFacts
from windlass.replication.planning.plan import PairPlan
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.checkpoint import Checkpoint, EmrCheckpoint
from windlass.replication.seed.task import SeedTask

if TYPE_CHECKING:
    from windlass.replication.seed.context import SeedContext

__all__ = ["EmrMethod"]


class EmrMethod:
    """One step or job run per seed."""

    name = Method.EMR

    def effects(
        self,
        plan: PairPlan,
        request: SeedRequest,
        config: ReplicationConfig,
        *,
        seed_id: str,
        set_name: str,  # noqa: ARG002  the Protocol's
    ) -> list[Effect]:
        """Return the writes that start the step; none when the step is only printed."""
        assert plan.facts is not None
        assert plan.choice is not None
        prefix = staging_prefixes(plan.pair, request.template, plan.choice.operation, config, seed_id)[0]
        encrypt = plan.facts.destination.key is not None
        return list(emr.emr_effects(plan.pair, request.target, seed_id, prefix, None, encrypt=encrypt))

    def start(self, task: SeedTask, facts: PairFacts, request: SeedRequest, context: SeedContext) -> SeedTask:
        """Write a manifest, if the job needs one, and start the step."""
        if self.in_flight(task):
            return context.save(task, state=SeedState.COPYING)
        prefix = staging_prefixes(task.pair, request.template, task.operation, context.config, task.seed_id)[0]
        manifest: ManifestRef | None = None
        if request.target.application:
            task = write_manifests(task, replace(request, versions=False), context)
            manifests = _checkpoint(task).manifests
            if not manifests:
                task = context.save(task, checkpoint=replace(_checkpoint(task), status="Complete"))
                return replace(task, state=SeedState.VERIFYING)
            manifest = manifests[0]
        encrypt = facts.destination.key is not None
        writes = emr.emr_effects(task.pair, request.target, task.seed_id, prefix, manifest, encrypt=encrypt)
        if not writes:
            raise AwsError(
                "there is no cluster or application to run the step on",
                hint=f"Add --cluster, --application or --transient; or run: {emr.step_command(task.pair)}",
            )
        bucket = task.pair.destination if task.pair.destination.account_id else task.pair.source
        step = emr.started(perform(context.estate, writes), request.target, bucket)
        checkpoint = replace(_checkpoint(task), step=step, status="Active")
        return context.save(task, state=SeedState.COPYING, checkpoint=checkpoint, detail="EMR: started")

    def in_flight(self, task: SeedTask) -> bool:
        """True when the step was started."""
        return bool(_checkpoint(task).step)

    def poll(
        self,
        task: SeedTask,
        jobs: Mapping[str, BatchJob],  # noqa: ARG002
        context: SeedContext,
    ) -> tuple[SeedTask, Poll]:
        """Read the status of the step."""
        if not self.in_flight(task):
            return task, Poll.RUNNING
        progress = emr.look(context.estate, _checkpoint(task).step)
        if progress.status != task.checkpoint.status:
            checkpoint = replace(_checkpoint(task), status=progress.status)
            detail = f"EMR: {progress.status} {progress.reason}".strip()
            task = context.save(task, checkpoint=checkpoint, detail=detail)
        return task, Poll.ENDED if progress.ended else Poll.RUNNING

    def next_job(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> SeedTask:  # noqa: ARG002
        """Return the task: a seed by EMR has one step only."""
        return task

    def result(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> Result:  # noqa: ARG002
        """Return the status of the step. EMR counts no objects, so the counts come from the comparison."""
        status = task.checkpoint.status or "Complete"
        return Result(task, status, task.detail if status == "Failed" else "")

    def restarted(self, task: SeedTask) -> Checkpoint:
        """Keep the step, which is polled again."""
        return replace(_checkpoint(task), manifests=None, status="")


def _checkpoint(task: SeedTask) -> EmrCheckpoint:
    assert isinstance(task.checkpoint, EmrCheckpoint)
    return task.checkpoint
