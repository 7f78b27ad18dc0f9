"""The method `batch`: S3 Batch Operations copies the objects. Role, manifests and jobs are created; reports are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from windlass.observe.log import logger
from windlass.replication.config import ReplicationConfig
from windlass.replication.effects import Effect, perform
from windlass.replication.methods.batch import failure
from windlass.replication.methods.batch import job as batch
from windlass.replication.methods.batch.effects import checkpoint_of, copy_role, generated, job_effects
from windlass.replication.methods.batch.report import TaskCounts
from windlass.replication.methods.batch.report_download import fetch_tally
from windlass.replication.methods.batch.staging import ManifestWriter
from windlass.replication.methods.method import Poll, Result
from windlass.replication.model import BatchJob, ManifestRef, Method, SeedState
from windlass.replication.planning.candidates import CandidateCounts
from windlass.replication.planning.facts import PairFacts
from windlass.replication.planning.plan import PairPlan
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.checkpoint import BatchCheckpoint, Checkpoint
from windlass.replication.seed.outcome import NO_TASKS
from windlass.replication.seed.task import SeedTask

if TYPE_CHECKING:
    from windlass.replication.seed.context import SeedContext

__all__ = ["BatchMethod"]


class BatchMethod:
    """S3 Batch Operations: one job per manifest, in order."""

    name = Method.BATCH

    def effects(
        self, plan: PairPlan, request: SeedRequest, config: ReplicationConfig, *, seed_id: str, set_name: str
    ) -> list[Effect]:
        """Return the writes: role, manifest, job."""
        assert plan.facts is not None
        assert plan.choice is not None
        operation = plan.choice.operation
        role, effects = copy_role(plan.facts, request, operation, config, seed_id)
        task = SeedTask(
            seed_id=seed_id,
            pair=plan.pair,
            method=self.name,
            operation=operation,
            set_name=set_name,
            checkpoint=BatchCheckpoint(role=role, first_replication=plan.is_first),
        )
        return [*effects, *job_effects(task, request, config, count=plan.volume.to_move if plan.volume else 0)]

    def start(self, task: SeedTask, facts: PairFacts, request: SeedRequest, context: SeedContext) -> SeedTask:
        """Create the role, write the manifests, create the first job."""
        config = context.config
        if not checkpoint_of(task).role:
            role, writes = copy_role(facts, request, task.operation, config, task.seed_id)
            context.check(task)
            perform(context.estate, writes, settle_s=config.role_propagation_s, sleep=context.sleep)
            changed_at = context.replication.now() if writes else None
            checkpoint = replace(checkpoint_of(task), role=role, role_changed_at=changed_at)
            task = context.save(task, checkpoint=checkpoint, detail="the job's role is ready")
        if checkpoint_of(task).manifests is None:
            if checkpoint_of(task).retry_of:
                task = self._write_retry_manifests(task, request, context)
            elif generated(request.template, task.operation):
                return self._create(task, request, context)
            else:
                task = write_manifests(task, request, context)
        context.check(task)
        manifests = checkpoint_of(task).manifests or ()
        if not manifests:
            checkpoint = replace(checkpoint_of(task), status="Complete")
            task = context.save(task, checkpoint=checkpoint, detail="no object is left for a batch job")
            return replace(task, state=SeedState.VERIFYING)
        checkpoint = replace(checkpoint_of(task), pending_manifests=manifests[1:])
        return self._create(replace(task, checkpoint=checkpoint), request, context, manifests[0])

    def in_flight(self, task: SeedTask) -> bool:
        """True when a job was created."""
        return bool(task.jobs)

    def poll(self, task: SeedTask, jobs: Mapping[str, BatchJob], context: SeedContext) -> tuple[SeedTask, Poll]:
        """Update the counts and the status from the seed's jobs."""
        known = [jobs[job_id] for _, _, job_id in task.jobs if job_id in jobs]
        if not known:
            return task, Poll.RUNNING
        last = known[-1]
        task = self._with_counts(task, known, context)
        if len(known) < len(task.jobs) or not all(job.ended for job in known):
            return task, Poll.RUNNING
        more = checkpoint_of(task).pending_manifests and last.status == "Complete"
        return task, Poll.NEXT_JOB if more else Poll.ENDED

    def next_job(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> SeedTask:
        """Create the job of the next manifest: current versions after the others."""
        manifest, *pending = checkpoint_of(task).pending_manifests
        checkpoint = replace(checkpoint_of(task), pending_manifests=tuple(pending))
        return self._create(replace(task, checkpoint=checkpoint), request, context, manifest)

    def result(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> Result:
        """Read the completion reports. A job that failed because its role was too new is created again instead."""
        status = task.checkpoint.status or "Complete"
        if not task.jobs:
            return Result(task, status)
        if status == "Failed" and (repeated := self._repeat(task, request, context)) is not None:
            return Result(repeated, "New")
        return self._read_reports(task, context)

    def restarted(self, task: SeedTask) -> Checkpoint:
        """Keep role and cutoff. Failed objects in a report are copied again; without a report, the pair is compared
        again.
        """
        checkpoint = checkpoint_of(task)
        # An object that the comparison missed does not exist at the destination, whatever replication status S3 shows
        # for it.
        first = checkpoint.first_replication or bool(task.verified.get("missing"))
        retry_of = task.jobs if task.jobs and task.failed else checkpoint.retry_of
        return replace(checkpoint, manifests=None, status="", first_replication=first, retry_of=retry_of)

    def _with_counts(self, task: SeedTask, jobs: list[BatchJob], context: SeedContext) -> SeedTask:
        last = jobs[-1]
        changes: dict[str, Any] = {
            "total": max(sum(job.total for job in jobs), task.total if last.status in ("New", "Preparing") else 0),
            "done": sum(job.succeeded for job in jobs),
            "failed": sum(job.failed for job in jobs),
            "state": SeedState.WAITING if last.status == "Suspended" else SeedState.COPYING,
        }
        same = all(getattr(task, name) == value for name, value in changes.items())
        if same and last.status == task.checkpoint.status:
            return task
        return context.save(
            task, **changes, checkpoint=replace(checkpoint_of(task), status=last.status), detail=last.line
        )

    def _create(
        self, task: SeedTask, request: SeedRequest, context: SeedContext, manifest: ManifestRef | None = None
    ) -> SeedTask:
        config = context.config
        writes = job_effects(task, request, config, manifest=manifest)
        requested_at = context.replication.now()
        responses = perform(context.estate, writes, settle_s=config.role_propagation_s, sleep=context.sleep)
        job = (writes[-1].account_id, writes[-1].region, str(responses[-1]["JobId"]))
        created = checkpoint_of(task).jobs_created + 1
        return context.save(
            task,
            jobs=task.jobs if job in task.jobs else (*task.jobs, job),
            state=SeedState.COPYING,
            checkpoint=replace(checkpoint_of(task), status="New", jobs_created=created, requested_at=requested_at),
            detail=f"batch job {job[2]}",
        )

    def _repeat(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> SeedTask | None:
        """Create a job again that failed because S3 did not know its role yet; None when it failed for another reason."""
        job = batch.describe(context.estate, *task.jobs[-1])
        checkpoint = checkpoint_of(task)
        if not failure.failed_before_role_was_visible(job, checkpoint, context.config.role_propagation_s):
            return None
        log = logger("replication")
        log.warning("seed.job_repeated", seed=task.seed_id, job=job.job_id, error="; ".join(job.reasons))
        context.sleep(failure.RETRY_INTERVAL_S)
        manifests, pending = checkpoint.manifests or (), checkpoint.pending_manifests
        manifest = manifests[len(manifests) - len(pending) - 1] if manifests else None
        return self._create(replace(task, jobs=task.jobs[:-1]), request, context, manifest)

    def _write_retry_manifests(self, task: SeedTask, request: SeedRequest, context: SeedContext) -> SeedTask:
        counts = CandidateCounts()
        manifests = ManifestWriter(context.replication, task, request, context.stop).list_failed(counts)
        return context.save(
            task,
            total=counts.rows,
            checkpoint=replace(checkpoint_of(task), manifests=tuple(manifests)),
            detail=f"{counts.rows:,} objects to retry",
        )

    def _read_reports(self, task: SeedTask, context: SeedContext) -> Result:
        jobs = [batch.describe(context.estate, *job) for job in task.jobs]
        tally = TaskCounts()
        bucket = batch.job_bucket(task.operation, task.pair)
        for job in jobs:
            report = fetch_tally(context.estate, job, bucket)
            if report is not None:
                tally.counts.update(report.counts)
                tally.samples |= report.samples
                tally.messages |= report.messages
        context.replication.save_failures(task, tally.failures())
        status = next((job.status for job in jobs if job.status != "Complete"), "Complete")
        reasons = "; ".join(dict.fromkeys(reason for job in jobs for reason in job.reasons))
        total = sum(job.total for job in jobs)
        if status == "Failed" and not total and failure.manifest_was_empty(reasons):
            status, reasons = "Complete", ""
        task = context.save(
            task,
            total=total,
            done=sum(job.succeeded for job in jobs),
            failed=sum(job.failed for job in jobs),
            checkpoint=replace(checkpoint_of(task), status=status),
            detail=jobs[-1].line if total else NO_TASKS,
        )
        return Result(task, status, reasons if status == "Failed" else "")


def write_manifests(task: SeedTask, request: SeedRequest, context: SeedContext) -> SeedTask:
    """Write the keys to copy into manifests, and record the manifests in the checkpoint."""
    counts = CandidateCounts()
    manifests = ManifestWriter(context.replication, task, request, context.stop).list_objects(counts)
    # `replace` keeps the class of the checkpoint: both methods that use manifests have these fields.
    checkpoint: Any = task.checkpoint
    return context.save(
        task,
        total=counts.rows,
        size_bytes=counts.size_bytes,
        checkpoint=replace(checkpoint, manifests=tuple(manifests), large_objects=counts.large),
        detail=counts.summary,
    )
