"""A change of a cluster as a job. It can be watched and cancelled; an interrupted job is resumed from AWS's state.

Before each step the cluster is read again: a step that AWS made before the process died is not repeated, and a cluster
that was changed outside this job is not touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from windlass.core import clock
from windlass.core.errors import AwsError, Conflict, NotFound
from windlass.core.units import format_duration
from windlass.jobs.service import Jobs, RunningJob
from windlass.memcached import aws
from windlass.memcached.model import Apply, Cluster
from windlass.memcached.plan import ClusterPlan, PlanAction
from windlass.memcached.service import Memcached

__all__ = ["KIND", "register", "run_plan"]

KIND = "memcached.change"
_PAUSE_TICK_S = 1.0

Show = Callable[[int, int, str], None]


def run_plan(memcached: Memcached, jobs: Jobs, plan: ClusterPlan, *, watch: bool, show: Show = lambda *_: None) -> str:
    """Run a plan as a new job and return the job's id. A plan of several steps is always watched to its end."""
    if plan.refusal is not None:
        raise plan.refusal
    with jobs.run_new(KIND, _title(plan), params=_params(plan, watch=watch), unit="nodes") as running:
        _run(memcached, running, show)
    return running.job_id


def register(memcached: Memcached, jobs: Jobs) -> None:
    """Register the function with which `jobs.resume` resumes a change."""
    jobs.runners[KIND] = lambda running: _run(memcached, running, lambda *_: None)


def _title(plan: ClusterPlan) -> str:
    if plan.action in (PlanAction.CREATE, PlanAction.DELETE):
        return f"{plan.action} {plan.name} in {plan.region}"
    return f"scale {plan.name} in {plan.region} from {plan.before} to {plan.after} nodes"


def _params(plan: ClusterPlan, *, watch: bool) -> dict[str, Any]:
    return {
        "action": str(plan.action),
        "account_id": plan.account_id,
        "region": plan.region,
        "name": plan.name,
        "apply": str(plan.apply),
        "pause_s": plan.pause_s,
        "watch": watch or len(plan.steps) > 1,
        "present": list(plan.present),
        "request": dict(plan.request or {}),
        "after": plan.after,
        "steps": [
            {"before": step.before, "to": step.to, "remove": list(step.remove), "zones": list(step.zones)}
            for step in plan.steps
        ],
    }


def _run(memcached: Memcached, running: RunningJob, show: Show) -> None:
    change = _Change(memcached, running, show)
    match running.params["action"]:
        case PlanAction.CREATE:
            change.create()
        case PlanAction.DELETE:
            change.delete()
        case _:
            change.scale()


@dataclass(slots=True)
class _Change:
    memcached: Memcached
    running: RunningJob
    show: Show

    @property
    def _params(self) -> Mapping[str, Any]:
        return self.running.params

    @property
    def _name(self) -> str:
        return str(self._params["name"])

    def create(self) -> None:
        nodes = int(self._params["after"])
        if self._read() is None:
            aws.create_cluster(
                self.memcached.estate, self._params["account_id"], self._params["region"], self._params["request"]
            )
            self.running.log(f"AWS creates {self._name} with {nodes} nodes")
        if self._params["watch"]:
            self._watch(nodes, f"creating {nodes} nodes")
        self._done(nodes, f"{nodes} nodes")

    def delete(self) -> None:
        nodes = len(self._params["present"])
        cluster = self._read()
        if cluster is not None and cluster.status != "deleting":
            aws.delete_cluster(self.memcached.estate, cluster)
            self.running.log(f"AWS deletes {self._name}")
        deadline = time.monotonic() + self.memcached.config.change_timeout_s
        while self._params["watch"] and (cluster := self._read()) is not None:
            self._report(nodes - len(cluster.nodes), nodes, "deleting")
            self._wait(self.memcached.config.poll_s, deadline)
        self._done(nodes, "deleted")

    def scale(self) -> None:
        steps = list(self._params["steps"])
        first = int(self.running.checkpoint.get("step", 0))
        total = sum(abs(step["to"] - step["before"]) for step in steps)
        moved_nodes = sum(abs(step["to"] - step["before"]) for step in steps[:first])
        pause_until = str(self.running.checkpoint.get("pause_until", ""))
        for number, step in enumerate(steps[first:], first):
            self._pause(pause_until, f"pausing before step {number + 1} of {len(steps)}", moved_nodes, total)
            prefix = f"step {number + 1} of {len(steps)}: " if len(steps) > 1 else ""
            self._report(moved_nodes, total, f"{prefix}{step['before']} → {step['to']} nodes")
            self._make_step(step, steps[:number])
            if self._params["watch"]:
                self._watch(step["to"], f"{prefix}{step['before']} → {step['to']} nodes", done=moved_nodes, total=total)
            moved_nodes += abs(step["to"] - step["before"])
            pause_until = clock.format_time(clock.now() + timedelta(seconds=float(self._params["pause_s"])))
            self.running.report(
                done=moved_nodes, total=total, checkpoint={"step": number + 1, "pause_until": pause_until}
            )
            self.running.log(
                f"{prefix}{step['before']} → {step['to']} nodes {'done' if self._params['watch'] else 'requested'}"
            )
        when = " in the next maintenance window" if self._params["apply"] == Apply.MAINTENANCE else ""
        self._done(total, f"{'' if self._params['watch'] else 'requested '}{steps[-1]['to']} nodes{when}")

    def _make_step(self, step: Mapping[str, Any], before: list[Mapping[str, Any]]) -> None:
        """Request the rest of a step from AWS when the cluster is available."""
        cluster = self._when_available()
        expected = set(self._params["present"]) - {node_id for earlier in before for node_id in earlier["remove"]}
        remove = [node_id for node_id in step["remove"] if node_id in cluster.ids]
        if step["remove"]:
            if set(cluster.ids) - expected or expected - set(step["remove"]) - set(cluster.ids):
                self._raise_changed(cluster, len(expected))
            if not remove:
                return  # AWS made this step before the interruption
        elif len(cluster.ids) == step["to"] and step["to"] != step["before"]:
            return
        elif len(cluster.ids) != step["before"]:
            self._raise_changed(cluster, step["before"])
        params = aws.change_params(
            self._name, to=step["to"], remove=remove, zones=step["zones"], apply=Apply(self._params["apply"])
        )
        aws.modify(self.memcached.estate, cluster, params)

    def _raise_changed(self, cluster: Cluster, expected: int) -> None:
        raise Conflict(
            f"{self._name} was changed outside this job: it has {len(cluster.ids)} nodes, but the plan expects {expected}",
            hint="The job stopped. Make a new plan with `windlass memcached scale`.",
        )

    def _when_available(self) -> Cluster:
        """Return the cluster when it is available."""
        deadline = time.monotonic() + self.memcached.config.change_timeout_s
        while True:
            cluster = self._read_existing()
            if cluster.status == "available":
                return cluster
            self._wait(self.memcached.config.poll_s, deadline)

    def _watch(self, to: int, detail: str, *, done: int = 0, total: int = 0) -> None:
        """Poll until the cluster has `to` nodes and all of them are available."""
        deadline = time.monotonic() + self.memcached.config.change_timeout_s
        while True:
            cluster = self._read_existing()
            ready = sum(node.status == "available" for node in cluster.nodes)
            reached = len(cluster.nodes) == to == ready
            self._report(done, total or to, f"{detail}: {ready} available{_busy(cluster)}")
            if reached and cluster.status == "available":
                return
            self._wait(self.memcached.config.poll_s, deadline)

    def _pause(self, until: str, detail: str, done: int, total: int) -> None:
        """Wait until a time (empty: do not wait), so that the cache can warm up."""
        while until and (left_s := (clock.parse_time(until) - clock.now()).total_seconds()) > 0:
            self._report(done, total, f"{detail}, {format_duration(left_s)} left")
            self.running.stop.wait(min(_PAUSE_TICK_S, left_s))
            self.running.check()

    def _report(self, done: int, total: int, detail: str) -> None:
        self.show(done, total, detail)
        self.running.report(done=done, total=total, detail=detail)
        self.running.check()

    def _wait(self, seconds: float, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise AwsError(
                f"{self._name} was not available within memcached.change_timeout_s",
                hint="See the cluster's events in AWS, then run `windlass jobs resume`.",
            )
        self.running.stop.wait(seconds)
        self.running.check()

    def _done(self, total: int, detail: str) -> None:
        self.show(total, total, detail)
        self.running.report(done=total, total=total, detail=detail)
        self.running.log(f"done: {detail}")

    def _read(self) -> Cluster | None:
        return aws.get_cluster(self.memcached.estate, self._params["account_id"], self._params["region"], self._name)

    def _read_existing(self) -> Cluster:
        cluster = self._read()
        if cluster is None:
            raise NotFound(
                f"{self._name} no longer exists", hint="It was deleted. `windlass memcached list` shows the clusters."
            )
        return cluster


def _busy(cluster: Cluster) -> str:
    statuses = sorted({node.status for node in cluster.nodes if node.status != "available"})
    return "".join(f", {sum(node.status == status for node in cluster.nodes)} {status}" for status in statuses)
