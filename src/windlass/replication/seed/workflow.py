"""The steps of one seed, each idempotent: prepare (switch on, role, manifest, job), look, finish (report, large ones, verify).

What a step has done is in the seed's `facts` before the next one begins, so that a seed goes on where it stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from windlass.core.clock import format_time, parse_time
from windlass.core.errors import AwsError, Interrupted, WindlassError
from windlass.observe.log import logger
from windlass.replication.direct.model import CopyProgress
from windlass.replication.effects import perform
from windlass.replication.methods import emr
from windlass.replication.methods.batch import failure
from windlass.replication.methods.batch import job as batch
from windlass.replication.methods.batch.report import Tally
from windlass.replication.methods.batch.staging import ManifestWriter, from_facts, to_facts
from windlass.replication.model import BatchJob, Method, Operation, Restore, Seed, State
from windlass.replication.planning.candidates import CandidateCounts
from windlass.replication.planning.facts import PairFacts
from windlass.replication.planning.plan import (
    PairPlan,
    Request,
    batch_effects,
    copy_role,
    generated,
    staging_prefixes,
    switching,
)
from windlass.replication.seed.outcome import Outcome
from windlass.replication.service import Replication
from windlass.replication.setup import replication as switch

__all__ = ["Workflow"]

_SECOND = timedelta(seconds=1)
_NO_TASKS = "nothing to do: no object was eligible"


@dataclass(slots=True)
class Workflow:
    """The steps over one service, until `stop` is set. `tell` hears of every change of a seed."""

    replication: Replication
    stop: threading.Event
    tell: Callable[[Seed], object] = lambda _: None

    def prepare(self, seed: Seed, request: Request) -> Seed:
        """Bring a seed to where its objects are being copied; a direct one is copied here and now."""
        seed = self._save(
            seed,
            state=State.PREPARING,
            started_at=seed.started_at or self.replication.now(),
            error="",
            finished_at=None,
        )
        plan = self._planned(seed, request)
        facts = plan.facts
        assert facts is not None
        if switching(seed.operation, request) and "t0" not in seed.facts:
            seed = self._switch_on(seed, plan, request)
        if seed.method is Method.BATCH:
            return self._batch(seed, facts, request)
        if seed.method is Method.EMR:
            return self._emr(seed, facts, request)
        return self._direct(self._save(seed, state=State.COPYING, detail="copying"), request)

    def looked(self, seed: Seed, jobs: Mapping[str, BatchJob]) -> Seed:
        """The seed with what is known of its batch jobs now."""
        mine = [jobs[job_id] for _, _, job_id in seed.jobs if job_id in jobs]
        if not mine:
            return seed
        last = mine[-1]
        state = State.WAITING if last.status == "Suspended" else State.COPYING
        changes: dict[str, Any] = {
            "total": max(sum(one.total for one in mine), seed.total if last.status in ("New", "Preparing") else 0),
            "done": sum(one.succeeded for one in mine),
            "failed": sum(one.failed for one in mine),
            "state": state,
        }
        if last.status == seed.facts.get("status") and all(
            getattr(seed, name) == value for name, value in changes.items()
        ):
            return seed
        return self._save(seed, **changes, facts={"status": last.status}, detail=last.line)

    def look_emr(self, seed: Seed) -> emr.Progress:
        """How an EMR step stands."""
        found = emr.look(self.replication.estate, seed.facts["emr"])
        if found.status != seed.facts.get("status"):
            self._save(seed, facts={"status": found.status}, detail=f"EMR: {found.status} {found.reason}".strip())
        return found

    def next_job(self, seed: Seed, request: Request) -> Seed:
        """Make the next job of a seed that has several: current versions after the others."""
        queue = list(seed.facts.get("queue") or [])
        return self._create(seed, request, listed=from_facts(queue.pop(0)), more={"queue": queue})

    def finish(self, seed: Seed, request: Request) -> Seed:
        """What came of it: reasons of failures, the objects too large for a batch job, the comparison, the final state."""
        status = str(seed.facts.get("status") or "Complete")
        error = ""
        if seed.method is Method.BATCH and seed.jobs:
            if status == "Failed" and (repeated := self._repeated(seed, request)) is not None:
                return repeated
            seed, status, error = self._read_reports(seed)
        elif seed.method is Method.EMR:
            error = seed.detail if status == "Failed" else ""
        if seed.facts.get("large") and status == "Complete":
            seed = self._large(seed, request)
        if status == "Complete" and request.verify and seed.operation is not Operation.LAMBDA:
            seed = self._verify(seed, request)
        state = Outcome(seed).state_after(status, strict=request.strict)
        return self._save(seed, state=state, error=error, detail=seed.detail if error else _said(seed))

    def fail(self, seed: Seed, error: WindlassError) -> Seed:
        """A seed that could not go on."""
        hint = f" ({error.hint})" if error.hint else ""
        return self._save(seed, state=State.FAILED, error=f"{error.message}{hint}", detail="")

    def _save(self, seed: Seed, **changes: Any) -> Seed:
        saved = self.replication.save(seed, **changes)
        self.tell(saved)
        return saved

    def _check(self, seed: Seed) -> None:
        if self.stop.is_set():
            raise Interrupted(f"{seed.pair.title} was stopped")

    def _planned(self, seed: Seed, request: Request) -> PairPlan:
        """The pair looked at again, now: what changed since the plan is seen before anything is written."""
        asked = replace(request, method=seed.method, operation=seed.operation, measure="none")
        (plan,) = self.replication.plan([seed.pair], asked)
        if plan.error is not None:
            raise plan.error
        return plan

    def _switch_on(self, seed: Seed, plan: PairPlan, request: Request) -> Seed:
        config, estate = self.replication.config, self.replication.estate
        self._check(seed)
        writes = [
            one
            for one in self.replication.effects(plan, replace(request, include_in_sync=True), seed_id=seed.seed_id)
            if one.operation in _SWITCHING
        ]
        seed = self._save(seed, detail="switching replication on" if writes else "replication is on")
        perform(estate, writes, settle_s=config.role_propagation_s, sleep=self._sleep)
        t0 = self.replication.now()
        if request.canary:
            seed = self._save(seed, detail="waiting for the canary object")
            canary = switch.prove(estate, plan.pair, seed.seed_id, config, stop=self.stop)
            # S3 tells times in whole seconds, and `CreatedBefore` takes only what is older: an object of the canary's own
            # second would be nobody's. What the rule took care of since is not NONE or FAILED, and stays out.
            t0 = canary.written_at + _SECOND
        return self._save(seed, facts={"t0": format_time(t0)}, detail="replication is on")

    def _batch(self, seed: Seed, facts: PairFacts, request: Request) -> Seed:
        if "role" not in seed.facts:
            role, writes = copy_role(facts, request, seed.operation, self.replication.config, seed.seed_id)
            self._check(seed)
            perform(
                self.replication.estate, writes, settle_s=self.replication.config.role_propagation_s, sleep=self._sleep
            )
            named = {"role": role, "role_changed_at": format_time(self.replication.now()) if writes else ""}
            seed = self._save(seed, facts=named, detail="the job's role is ready")
        if "manifests" in seed.facts:
            written = [from_facts(one) for one in seed.facts["manifests"]]
        elif seed.facts.get("retry_of"):
            seed, written = self._retry_manifest(seed, request)
        elif generated(request.template, seed.operation):
            return self._create(seed, request)
        else:
            seed, written = self._manifests(seed, request)
        self._check(seed)
        if not written:
            seed = self._save(seed, facts={"status": "Complete"}, detail="no object is left for a batch job")
            return self.finish(seed, request)
        return self._create(seed, request, listed=written[0], more={"queue": [to_facts(one) for one in written[1:]]})

    def _create(
        self,
        seed: Seed,
        request: Request,
        *,
        listed: batch.ManifestRef | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Seed:
        number = int(seed.facts.get("number", 0))
        before = parse_time(seed.facts["t0"]) if seed.facts.get("t0") else None
        writes = batch_effects(
            seed.pair,
            request,
            seed.operation,
            self.replication.config,
            seed_id=seed.seed_id,
            set_name=seed.set_name,
            role=seed.facts["role"],
            listed=listed,
            created_before=before,
            number=number,
            first=bool(seed.facts.get("first")),
        )
        config = self.replication.config
        requested_at = format_time(self.replication.now())
        answers = perform(self.replication.estate, writes, settle_s=config.role_propagation_s, sleep=self._sleep)
        made = (writes[-1].account_id, writes[-1].region, str(answers[-1]["JobId"]))
        jobs = seed.jobs if made in seed.jobs else (*seed.jobs, made)
        return self._save(
            seed,
            jobs=jobs,
            state=State.COPYING,
            facts={"status": "New", "number": number + 1, "requested_at": requested_at, **(more or {})},
            detail=f"batch job {made[2]}",
        )

    def _repeated(self, seed: Seed, request: Request) -> Seed | None:
        """Create a job again that failed because S3 did not know its role yet; None when it failed for another reason."""
        job = batch.describe(self.replication.estate, *seed.jobs[-1])
        if not failure.failed_before_role_was_visible(job, seed.facts, self.replication.config.role_propagation_s):
            return None
        log = logger("replication")
        log.warning("seed.job_repeated", seed=seed.seed_id, job=job.job_id, error="; ".join(job.reasons))
        self._sleep(failure.RETRY_INTERVAL_S)
        manifests, queue = seed.facts.get("manifests") or (), seed.facts.get("queue") or ()
        listed = from_facts(manifests[len(manifests) - len(queue) - 1]) if manifests else None
        return self._create(replace(seed, jobs=seed.jobs[:-1]), request, listed=listed)

    def _manifests(self, seed: Seed, request: Request) -> tuple[Seed, list[batch.ManifestRef]]:
        """What is to be done, as manifests."""
        tally = CandidateCounts()
        written = ManifestWriter(self.replication, seed, request, self.stop).list_objects(tally)
        return self._save(
            seed,
            total=tally.rows,
            size_bytes=tally.size_bytes,
            facts={"manifests": list(map(to_facts, written)), "large": tally.large},
            detail=tally.summary,
        ), written

    def _retry_manifest(self, seed: Seed, request: Request) -> tuple[Seed, list[batch.ManifestRef]]:
        """What failed in earlier jobs, as manifests."""
        tally = CandidateCounts()
        written = ManifestWriter(self.replication, seed, request, self.stop).list_failed(tally)
        return self._save(
            seed,
            total=tally.rows,
            facts={"manifests": list(map(to_facts, written))},
            detail=f"{tally.rows:,} objects to retry",
        ), written

    def _emr(self, seed: Seed, facts: PairFacts, request: Request) -> Seed:
        if seed.facts.get("emr"):
            return self._save(seed, state=State.COPYING)
        spot = staging_prefixes(seed.pair, request.template, seed.operation, self.replication.config, seed.seed_id)[0]
        listed: batch.ManifestRef | None = None
        if request.target.application:
            seed, written = self._manifests(seed, replace(request, versions=False))
            if not written:
                return self.finish(self._save(seed, facts={"status": "Complete"}), request)
            listed = written[0]
        writes = emr.emr_effects(
            seed.pair, request.target, seed.seed_id, spot, listed, encrypt=facts.destination.key is not None
        )
        if not writes:
            raise AwsError(
                "there is nothing to run the step on",
                hint=f"Add --cluster, --application or --transient; or: {emr.step_command(seed.pair)}",
            )
        place = seed.pair.destination if seed.pair.destination.account_id else seed.pair.source
        ref = emr.started(perform(self.replication.estate, writes), request.target, place)
        return self._save(seed, state=State.COPYING, facts={"emr": ref, "status": "Active"}, detail="EMR: started")

    def _direct(self, seed: Seed, request: Request) -> Seed:
        moved = self._copied(seed, request)
        seed = self._moved(seed, moved)
        self.replication.save_failures(seed, moved.failures)
        return self.finish(seed, request)

    def _copied(self, seed: Seed, request: Request) -> CopyProgress:
        def tell(moved: CopyProgress) -> None:
            self._moved(seed, moved)

        return self.replication.direct.seed(
            seed.pair,
            seed_id=seed.seed_id,
            versions=request.versions,
            stop=self.stop,
            tell=tell,
            distributed=request.distributed,
            markers=request.delete_markers is not False,
            preserve=request.preserve,
            criteria=request.criteria,
            restore=self._restore(request),
        )

    def _restore(self, request: Request) -> Restore | None:
        config = self.replication.config
        if not request.restore_days:
            return None
        return Restore(days=request.restore_days, tier=config.restore_tier, poll_s=config.restore_poll_s)

    def _moved(self, seed: Seed, moved: CopyProgress) -> Seed:
        return self._save(
            seed,
            total=moved.total,
            done=moved.copied,
            failed=moved.failed,
            size_bytes=moved.total_bytes,
            done_bytes=moved.copied_bytes,
            detail=f"{moved.copied:,} copied, {moved.skipped:,} there already",
        )

    def _large(self, seed: Seed, request: Request) -> Seed:
        """Objects too large for a batch job: what the destination still lacks is copied in parts from here."""
        large = int(seed.facts["large"])
        seed = self._save(seed, detail=f"{large:,} large objects, in parts")
        moved = self.replication.direct.seed(
            seed.pair,
            seed_id=f"{seed.seed_id}-large",
            versions=False,
            stop=self.stop,
            tell=lambda _: None,
            criteria=request.criteria,
        )
        known = self.replication.failures([seed]).get(seed.seed_id, [])
        self.replication.save_failures(seed, [*known, *moved.failures])
        # What the job failed at and this pass could copy is no failure any more.
        mended = max(0, moved.copied - large)
        return self._save(
            seed,
            total=seed.total + large,
            done=seed.done + moved.copied,
            failed=max(0, seed.failed - mended) + moved.failed,
            facts={"large": 0},
        )

    def _read_reports(self, seed: Seed) -> tuple[Seed, str, str]:
        estate = self.replication.estate
        jobs = [batch.describe(estate, *one) for one in seed.jobs]
        tally = Tally()
        place = batch.job_bucket(seed.operation, seed.pair)
        for job in jobs:
            found = batch.fetch_tally(estate, job, place)
            if found is not None:
                tally.counts.update(found.counts)
                tally.samples |= found.samples
                tally.messages |= found.messages
        self.replication.save_failures(seed, tally.failures())
        status = next((one.status for one in jobs if one.status != "Complete"), "Complete")
        reasons = "; ".join(dict.fromkeys(reason for one in jobs for reason in one.reasons))
        total = sum(one.total for one in jobs)
        if status == "Failed" and not total and failure.manifest_was_empty(reasons):
            status, reasons = "Complete", ""
        seed = self._save(
            seed,
            total=total,
            done=sum(one.succeeded for one in jobs),
            failed=sum(one.failed for one in jobs),
            facts={"status": status},
            detail=jobs[-1].line if total else _NO_TASKS,
        )
        return seed, status, reasons if status == "Failed" else ""

    def _verify(self, seed: Seed, request: Request) -> Seed:
        seed = self._save(seed, state=State.VERIFYING, detail="comparing both sides")
        try:
            compared = self.replication.verify(
                seed.pair,
                stop=self.stop,
                by=request.compare,
                versions=request.versions and seed.method is Method.DIRECT,
                markers=request.delete_markers is not False,
            )
        except (Interrupted, KeyboardInterrupt):
            raise
        except WindlassError as error:
            return self._save(seed, verified={"error": error.message})
        return self._save(seed, verified=compared.value())

    def _sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Interrupted("stopped while a new role settles")


_SWITCHING = frozenset(
    {
        "PutBucketVersioning",
        "CreateRole",
        "UpdateAssumeRolePolicy",
        "PutRolePolicy",
        "PutBucketPolicy",
        "PutBucketReplication",
    }
)


def _said(seed: Seed) -> str:
    verified = seed.verified
    words = [f"{seed.done:,} of {seed.total:,}" if seed.total else _NO_TASKS]
    if verified.get("error"):
        words.append(f"not verified: {verified['error']}")
    elif verified:
        words.append(
            f"verified: {verified['missing']:,} missing, {verified['different']:,} different, {verified['extra']:,} extra, "
            f"{verified.get('unknown', 0):,} not comparable"
        )
    return "; ".join(words)
