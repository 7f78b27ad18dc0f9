"""The workflow of one seed: prepare (plan again, replication on, start the copies), then finish (result, large objects,
verify).

Each step is idempotent, and recorded in the task's checkpoint before the next one starts: a resumed seed continues
where it stopped. The method (`methods/`) defines how a step copies objects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from windlass.core.errors import Interrupted, WindlassError
from windlass.replication.direct.model import CopyContext, VerifyOptions
from windlass.replication.effects import perform
from windlass.replication.methods.registry import METHODS
from windlass.replication.model import Method, Operation, SeedState
from windlass.replication.planning.plan import PairPlan
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.checkpoint import BatchCheckpoint, EmrCheckpoint
from windlass.replication.seed.context import SeedContext
from windlass.replication.seed.outcome import SeedOutcome, summary
from windlass.replication.seed.task import CopyOptions, SeedTask
from windlass.replication.setup import replication as setup

__all__ = ["Workflow"]

_SECOND = timedelta(seconds=1)
_SETUP_OPERATIONS = frozenset(
    {
        "PutBucketVersioning",
        "CreateRole",
        "UpdateAssumeRolePolicy",
        "PutRolePolicy",
        "PutBucketPolicy",
        "PutBucketReplication",
    }
)


@dataclass(frozen=True, slots=True)
class Workflow:
    """The steps of seeds in one context."""

    context: SeedContext

    def prepare(self, task: SeedTask, request: SeedRequest) -> SeedTask:
        """Plan the pair again, switch replication on, and start the copies. Direct copies are made before this returns."""
        started_at = task.started_at or self.context.replication.now()
        task = self.context.save(task, state=SeedState.PREPARING, started_at=started_at, error="", finished_at=None)
        plan = self._plan(task, request)
        assert plan.facts is not None
        if request.switches_on(task.operation) and task.checkpoint.cutoff_at is None:
            task = self._switch_on(task, plan, request)
        task = METHODS[task.method].start(task, plan.facts, request, self.context)
        return self.finish(task, request) if task.state is SeedState.VERIFYING else task

    def next_job(self, task: SeedTask, request: SeedRequest) -> SeedTask:
        """Start the next job of a seed that has several."""
        return METHODS[task.method].next_job(task, request, self.context)

    def finish(self, task: SeedTask, request: SeedRequest) -> SeedTask:
        """Read the result, copy objects that are too large for a batch job, compare both buckets, and save the final state."""
        result = METHODS[task.method].result(task, request, self.context)
        task = result.task
        if not result.ended:
            return task
        if result.status == "Complete":
            task = self._copy_large_objects(task, request)
            if request.verify and task.operation is not Operation.LAMBDA:
                task = self._verify(task, request)
        state = SeedOutcome(task).state_after(result.status, strict=request.strict)
        detail = task.detail if result.error else summary(task)
        return self.context.save(task, state=state, error=result.error, detail=detail)

    def fail(self, task: SeedTask, error: WindlassError) -> SeedTask:
        """Save a task that ended with an error."""
        hint = f" ({error.hint})" if error.hint else ""
        return self.context.save(task, state=SeedState.FAILED, error=f"{error.message}{hint}", detail="")

    def _plan(self, task: SeedTask, request: SeedRequest) -> PairPlan:
        """Plan the pair again, so that a change since the first plan is detected before anything is written."""
        narrowed = replace(request, method=task.method, operation=task.operation, measure="none")
        (plan,) = self.context.replication.plan([task.pair], narrowed)
        if plan.error is not None:
            raise plan.error
        return plan

    def _switch_on(self, task: SeedTask, plan: PairPlan, request: SeedRequest) -> SeedTask:
        context, config = self.context, self.context.config
        context.check(task)
        unconditional = replace(request, include_in_sync=True)
        effects = context.replication.effects(plan, unconditional, seed_id=task.seed_id)
        writes = [effect for effect in effects if effect.operation in _SETUP_OPERATIONS]
        task = context.save(task, detail="switching replication on" if writes else "replication is on")
        perform(context.estate, writes, settle_s=config.role_propagation_s, sleep=context.sleep)
        cutoff_at = context.replication.now()
        if request.canary:
            task = context.save(task, detail="waiting for the canary object")
            canary = setup.prove(context.estate, plan.pair, task.seed_id, config, stop=context.stop)
            # S3's times have whole seconds, and `CreatedBefore` selects older objects only. Without the added second,
            # no job would copy
            # an object that was written in the same second as the canary. Objects that the rule has replicated since
            # then have other statuses than
            # NONE and FAILED, so the job does not select them.
            cutoff_at = canary.written_at + _SECOND
        return context.save(task, checkpoint=replace(task.checkpoint, cutoff_at=cutoff_at), detail="replication is on")

    def _copy_large_objects(self, task: SeedTask, request: SeedRequest) -> SeedTask:
        """Copy the missing objects that are too large for a job, in parts."""
        checkpoint = task.checkpoint
        if not isinstance(checkpoint, BatchCheckpoint | EmrCheckpoint) or not checkpoint.large_objects:
            return task
        large = checkpoint.large_objects
        task = self.context.save(task, detail=f"copying {large:,} large objects in parts")
        options = CopyOptions(criteria=request.criteria)
        copy = SeedTask(seed_id=f"{task.seed_id}-large", pair=task.pair, options=options)
        replication = self.context.replication
        progress = replication.direct.seed(copy, CopyContext(self.context.stop))
        known = replication.failures([task]).get(task.seed_id, [])
        replication.save_failures(task, [*known, *progress.failures])
        # An object that failed in the job and was copied here is no longer a failure.
        recovered = max(0, progress.copied - large)
        return self.context.save(
            task,
            total=task.total + large,
            done=task.done + progress.copied,
            failed=max(0, task.failed - recovered) + progress.failed,
            checkpoint=replace(checkpoint, large_objects=0),
        )

    def _verify(self, task: SeedTask, request: SeedRequest) -> SeedTask:
        task = self.context.save(task, state=SeedState.VERIFYING, detail="comparing both buckets")
        options = VerifyOptions(
            by=request.compare,
            versions=request.versions and task.method is Method.DIRECT,
            delete_markers=request.delete_markers is not False,
        )
        try:
            result = self.context.replication.verify(task.pair, options, stop=self.context.stop)
        except (Interrupted, KeyboardInterrupt):
            raise
        except WindlassError as error:
            return self.context.save(task, verified={"error": error.message})
        return self.context.save(task, verified=result.value())
