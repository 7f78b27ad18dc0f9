"""Everything that a person may set in motion from outside: one table, from which the REST API and the console's forms follow.

An action has one role, one address (`/v1` plus the console's) and one name in the audit trail, so that a form without a REST
twin, or a twin with another role, cannot be written.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from windlass.api.auth import Role
from windlass.api.routes import job_value, need, the_app
from windlass.api.tokens import audit
from windlass.app import App
from windlass.core import clock
from windlass.core.errors import Conflict, UsageError, WindlassError
from windlass.core.suggest import unknown_word
from windlass.pipelines import backfill
from windlass.queues import redrive_job

__all__ = ["ACTIONS", "Action", "Outcome", "find_action", "perform"]

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action came to: `target` for the audit trail, the console's page that shows it, its JSON."""

    target: str
    page: str
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `fields` are the members of the body, each with its meaning; all are optional texts but those in `required`."""

    name: str
    path: str
    role: Role
    summary: str
    description: str
    run: Callable[[App, Values], Outcome]
    fields: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()

    @property
    def path_names(self) -> tuple[str, ...]:
        """The parameters of the address, in order."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def find_action(name: str) -> Action:
    """The action of this name; KeyError for a name that the table lacks (a fault of a template)."""
    return _BY_NAME[name]


def perform(request: Request, action: Action, values: Values) -> Outcome:
    """Check the role and the fields, run the action, write the audit trail."""
    need(request, action.role)
    known = (*action.path_names, *action.fields)
    for name in values:
        if name not in known:
            raise unknown_word("field", name, action.fields)
    for name in action.required:
        if not values.get(name):
            raise UsageError(f"{action.name} needs the field {name!r}", hint=action.fields[name])
    app = the_app(request)
    outcome = action.run(app, values)
    audit(app.store, actor=request.scope["actor"], action=action.name, target=outcome.target, now=clock.now())
    return outcome


def _cancel_job(app: App, values: Values) -> Outcome:
    return _of_job(app, app.jobs.cancel(values["job_id"]).job_id, values["job_id"])


def _resume_job(app: App, values: Values) -> Outcome:
    job = app.jobs.get(values["job_id"])
    if not job.status.resumable:
        raise Conflict(
            f"{job.job_id} can't be resumed: it is {job.status}",
            hint="Only failed, cancelled and interrupted jobs can be resumed.",
        )
    if job.kind not in app.jobs.runners:
        raise Conflict(
            f"{job.job_id} can't be resumed: this console does not run jobs of kind {job.kind!r}",
            hint=f"Run `windlass jobs resume {job.job_id}` where that command is configured.",
        )

    def work() -> None:
        with contextlib.suppress(WindlassError):  # the job's row and log have the failure
            app.jobs.resume(job.job_id)

    threading.Thread(target=work, name="resume-job", daemon=True).start()
    return _of_job(app, job.job_id, job.job_id)


def _redrive(app: App, values: Values) -> Outcome:
    queue = app.queues.open(values["name"], account_id=values["account"], region=values["region"])
    return _of_job(app, redrive_job.start(app.queues, app.jobs, queue), queue.arn)


def _trigger(app: App, values: Values) -> Outcome:
    app.aggregation.fire(values["rule"], values["key"])
    return _of_rule(values, {})


def _pause(app: App, values: Values) -> Outcome:
    app.aggregation.pause(values["rule"], values.get("key", ""))
    return _of_rule(values, {"paused": True})


def _resume_rule(app: App, values: Values) -> Outcome:
    return _of_rule(
        values, {"paused": False, "waiting_keys": app.aggregation.resume(values["rule"], values.get("key", ""))}
    )


def _retry(app: App, values: Values) -> Outcome:
    name, key = values["name"], values.get("key", "")
    service = app.pipelines
    service.built([name])
    waiting = [one for one in service.failures(name, waiting=True, limit=1000) if key in ("", one.key)]
    with service.runner([name]) as engine:
        for failure in waiting:
            engine.retry(failure)
    value = {"pipeline": name, "retried": [failure.key for failure in waiting]}
    return Outcome(f"{name} {key}".strip(), "/pipelines", value)


def _backfill(app: App, values: Values) -> Outcome:
    origin = values.get("origin", "")
    if origin and not origin.startswith("s3://"):
        raise UsageError(
            f"a backfill can't read {origin!r} from here: files of the console's machine are not read for others",
            hint="Give the s3:// address of an S3 Inventory's manifest.json, or nothing for a listing of the source.",
        )
    return _of_job(app, backfill.start(app.pipelines, app.jobs, values["name"], origin=origin), values["name"])


def _of_job(app: App, job_id: str, target: str) -> Outcome:
    return Outcome(target, f"/jobs/{job_id}", job_value(app.jobs.get(job_id)))


def _of_rule(values: Values, value: Mapping[str, Any]) -> Outcome:
    rule, key = values["rule"], values.get("key", "")
    return Outcome(f"{rule} {key}".strip(), "/aggregation", {"rule": rule, "key": key, **value})


_JOB, _QUEUE = "/jobs/{job_id}", "/queues/{account}/{region}/{name}"
_RULE, _PIPELINE = "/aggregation/{rule}", "/pipelines/{name}"
_KEY = {"key": "One key of the rule; without it, the whole rule."}

ACTIONS: tuple[Action, ...] = (
    Action(
        "job.cancel",
        f"{_JOB}/cancel",
        Role.OPERATE,
        "Cancel a job",
        "A queued job is cancelled at once, a running one at its next report.",
        _cancel_job,
    ),
    Action(
        "job.resume",
        f"{_JOB}/resume",
        Role.OPERATE,
        "Resume a job",
        "A failed, cancelled or interrupted job continues from its checkpoint, on a thread of the console.",
        _resume_job,
    ),
    Action(
        "queue.redrive",
        f"{_QUEUE}/redrive",
        Role.OPERATE,
        "Redrive a queue's dead letters",
        "The messages of its dead-letter queue are moved back to it, as a job.",
        _redrive,
    ),
    Action(
        "aggregation.trigger",
        f"{_RULE}/trigger",
        Role.OPERATE,
        "Trigger a key's action",
        "The action runs as soon as the rule's pace allows, whether events wait or not.",
        _trigger,
        {"key": "The key to trigger."},
        frozenset({"key"}),
    ),
    Action(
        "aggregation.pause",
        f"{_RULE}/pause",
        Role.OPERATE,
        "Pause a rule or one of its keys",
        "No more actions; events are counted all the same.",
        _pause,
        _KEY,
    ),
    Action(
        "aggregation.resume",
        f"{_RULE}/resume",
        Role.OPERATE,
        "Resume a rule or one of its keys",
        "Actions run again; `waiting_keys` counts the keys with uncovered events.",
        _resume_rule,
        _KEY,
    ),
    Action(
        "pipeline.retry",
        f"{_PIPELINE}/retry",
        Role.OPERATE,
        "Retry what a pipeline refused",
        "The refused objects that wait (1,000 at most) are transformed again.",
        _retry,
        {"key": "One object's key; without it, all of them."},
    ),
    Action(
        "pipeline.backfill",
        f"{_PIPELINE}/backfill",
        Role.OPERATE,
        "Backfill a pipeline",
        "Objects that are already there are taken through the pipeline, as a job.",
        _backfill,
        {"origin": "s3:// address of an S3 Inventory's manifest.json; without it, the source is listed."},
    ),
)
_BY_NAME = {action.name: action for action in ACTIONS}
