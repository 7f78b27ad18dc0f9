"""The table of actions: every write that the REST API and the forms of the console offer.

An action has one role, one path (the console's; REST has it under `/v1`) and one name in the audit log, so that a form
and its REST route cannot differ.
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
from windlass.api.routes import app_of, job_json, require_role
from windlass.app import App
from windlass.core import clock
from windlass.core.clock import format_time
from windlass.core.errors import Conflict, UsageError, WindlassError
from windlass.core.suggest import unknown_word
from windlass.osquery.model import Node
from windlass.pipelines import backfill
from windlass.queues import redrive_job
from windlass.store.audit_log import audit

__all__ = ["ACTIONS", "Action", "ActionResult", "find_action", "run_action"]

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The result of an action: its `target` for the audit log, the path of the page that shows it, its JSON."""

    target: str
    page: str
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `fields` are {name: meaning} of the body's members, which are texts; those not in `required` are
    optional.
    """

    name: str
    path: str
    role: Role
    summary: str
    description: str
    run: Callable[[App, Values], ActionResult]
    fields: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()

    @property
    def path_names(self) -> tuple[str, ...]:
        """Return the parameters of the path, in order."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def find_action(name: str) -> Action:
    """Return the action of this name. KeyError for an unknown name, which is a bug in a template."""
    return _BY_NAME[name]


def run_action(request: Request, action: Action, values: Values) -> ActionResult:
    """Check the role and the fields, run the action, record it in the audit log."""
    require_role(request, action.role)
    known = (*action.path_names, *action.fields)
    for name in values:
        if name not in known:
            raise unknown_word("field", name, action.fields)
    for name in action.required:
        if not values.get(name):
            raise UsageError(f"{action.name} needs the field {name!r}", hint=action.fields[name])
    app = app_of(request)
    result = action.run(app, values)
    audit(app.store, actor=request.scope["actor"], action=action.name, target=result.target, now=clock.now())
    return result


def _cancel_job(app: App, values: Values) -> ActionResult:
    return _job_result(app, app.jobs.cancel(values["job_id"]).job_id, values["job_id"])


def _resume_job(app: App, values: Values) -> ActionResult:
    job = app.jobs.get(values["job_id"])
    if not job.status.resumable:
        raise Conflict(
            f"job {job.job_id} cannot be resumed: it is {job.status}",
            hint="Only failed, cancelled and interrupted jobs can be resumed.",
        )
    if job.kind not in app.jobs.runners:
        raise Conflict(
            f"job {job.job_id} cannot be resumed here: this console does not run jobs of kind {job.kind!r}",
            hint=f"Run `windlass jobs resume {job.job_id}` on the machine that started it.",
        )

    def resume() -> None:
        with contextlib.suppress(WindlassError):  # the failure is in the row and the log of the job
            app.jobs.resume(job.job_id)

    threading.Thread(target=resume, name="resume-job", daemon=True).start()
    return _job_result(app, job.job_id, job.job_id)


def _redrive(app: App, values: Values) -> ActionResult:
    queue = app.queues.open(values["name"], account_id=values["account"], region=values["region"])
    return _job_result(app, redrive_job.start(app.queues, app.jobs, queue), queue.arn)


def _trigger(app: App, values: Values) -> ActionResult:
    app.aggregation.trigger(values["rule"], values["key"])
    return _rule_result(values, {})


def _pause(app: App, values: Values) -> ActionResult:
    app.aggregation.pause(values["rule"], values.get("key", ""))
    return _rule_result(values, {"paused": True})


def _resume_rule(app: App, values: Values) -> ActionResult:
    return _rule_result(
        values, {"paused": False, "waiting_keys": app.aggregation.resume(values["rule"], values.get("key", ""))}
    )


def _retry(app: App, values: Values) -> ActionResult:
    name, key = values["name"], values.get("key", "")
    service = app.pipelines
    service.built([name])
    waiting = [failure for failure in service.failures(name, waiting=True, limit=1000) if key in ("", failure.key)]
    with service.runner([name]) as runner:
        for failure in waiting:
            runner.retry(failure)
    value = {"pipeline": name, "retried": [failure.key for failure in waiting]}
    return ActionResult(f"{name} {key}".strip(), "/pipelines", value)


def _backfill(app: App, values: Values) -> ActionResult:
    origin = values.get("origin", "")
    if origin and not origin.startswith("s3://"):
        raise UsageError(
            f"the console cannot backfill from {origin!r}: it does not read files of the server",
            hint="Give the s3:// URL of the manifest.json of an S3 Inventory, or leave `origin` out to list the source bucket.",
        )
    return _job_result(app, backfill.start(app.pipelines, app.jobs, values["name"], origin=origin), values["name"])


def _ask_hosts(app: App, values: Values) -> ActionResult:
    from windlass.core.units import parse_duration_s
    from windlass.osquery.service import LiveRequest

    request = LiveRequest(
        sql=values["sql"],
        hosts=_words(values.get("hosts", "")),
        tags=_words(values.get("tags", "")),
        timeout_s=parse_duration_s(values.get("timeout") or "2m"),
        actor="API",
    )
    query = app.osquery.ask(request)
    value = {"query_id": query.query_id, "hosts": len(query.answers), "expires_at": format_time(query.expires_at)}
    return ActionResult(f"{query.query_id} {query.sql}", f"/osquery/queries/{query.query_id}", value)


def _revoke_host(app: App, values: Values) -> ActionResult:
    return _node_result(app.osquery.revoke(values["node"]))


def _restore_host(app: App, values: Values) -> ActionResult:
    return _node_result(app.osquery.restore(values["node"]))


def _node_result(node: Node) -> ActionResult:
    value = {"node_id": node.node_id, "name": node.details.name, "revoked": node.revoked_at is not None}
    return ActionResult(f"{node.node_id} {node.details.name}", "/osquery", value)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _job_result(app: App, job_id: str, target: str) -> ActionResult:
    return ActionResult(target, f"/jobs/{job_id}", job_json(app.jobs.get(job_id)))


def _rule_result(values: Values, value: Mapping[str, Any]) -> ActionResult:
    rule, key = values["rule"], values.get("key", "")
    return ActionResult(f"{rule} {key}".strip(), "/aggregation", {"rule": rule, "key": key, **value})


_JOB, _QUEUE = "/jobs/{job_id}", "/queues/{account}/{region}/{name}"
_RULE, _PIPELINE = "/aggregation/{rule}", "/pipelines/{name}"
_KEY = {"key": "One key of the rule. Omit it for all keys of the rule."}

ACTIONS: tuple[Action, ...] = (
    Action(
        "job.cancel",
        f"{_JOB}/cancel",
        Role.OPERATE,
        "Cancel a job",
        "A queued job is cancelled at once, a running job at its next progress report.",
        _cancel_job,
    ),
    Action(
        "job.resume",
        f"{_JOB}/resume",
        Role.OPERATE,
        "Resume a job",
        "Continues a failed, cancelled or interrupted job from its checkpoint, in the console's process.",
        _resume_job,
    ),
    Action(
        "queue.redrive",
        f"{_QUEUE}/redrive",
        Role.OPERATE,
        "Redrive the dead letters of a queue",
        "Moves the messages of its dead-letter queue back to the queue, as a job.",
        _redrive,
    ),
    Action(
        "aggregation.trigger",
        f"{_RULE}/trigger",
        Role.OPERATE,
        "Trigger the action of a key",
        "Runs the action as soon as the rate limit of the rule allows, even when no events are waiting.",
        _trigger,
        {"key": "The key to trigger."},
        frozenset({"key"}),
    ),
    Action(
        "aggregation.pause",
        f"{_RULE}/pause",
        Role.OPERATE,
        "Pause a rule or one of its keys",
        "Stops actions; events are still counted.",
        _pause,
        _KEY,
    ),
    Action(
        "aggregation.resume",
        f"{_RULE}/resume",
        Role.OPERATE,
        "Resume a rule or one of its keys",
        "Starts actions again. `waiting_keys` is the number of keys with uncovered events.",
        _resume_rule,
        _KEY,
    ),
    Action(
        "pipeline.retry",
        f"{_PIPELINE}/retry",
        Role.OPERATE,
        "Retry failed objects of a pipeline",
        "Transforms the quarantined objects again, at most 1,000.",
        _retry,
        {"key": "The key of one object. Omit it for all of them."},
    ),
    Action(
        "pipeline.backfill",
        f"{_PIPELINE}/backfill",
        Role.OPERATE,
        "Backfill a pipeline",
        "Sends existing objects of the source bucket through the pipeline, as a job.",
        _backfill,
        {"origin": "The s3:// URL of the manifest.json of an S3 Inventory. Omit it to list the source bucket."},
    ),
    Action(
        "osquery.query",
        "/osquery/query",
        Role.ADMIN,
        "Ask hosts a live query",
        "Puts a SELECT over osquery's tables to enrolled hosts; the answers are at `/v1/osquery/queries/{query_id}`.",
        _ask_hosts,
        {
            "sql": "A SELECT over osquery's tables.",
            "hosts": "Names or IDs of hosts, with commas. Omit it and `tags` for all enrolled hosts.",
            "tags": "Tags of instances in the inventory, such as team=web, with commas: all must hold.",
            "timeout": "How long hosts may answer, such as 90s or 10m; 2m by default.",
        },
        frozenset({"sql"}),
    ),
    Action(
        "osquery.revoke",
        "/osquery/nodes/{node}/revoke",
        Role.ADMIN,
        "Revoke a host of osquery",
        "Its key ends at once, and it cannot enroll again until it is restored.",
        _revoke_host,
    ),
    Action(
        "osquery.restore",
        "/osquery/nodes/{node}/restore",
        Role.ADMIN,
        "Restore a revoked host of osquery",
        "It may enroll again.",
        _restore_host,
    ),
)
_BY_NAME = {action.name: action for action in ACTIONS}
