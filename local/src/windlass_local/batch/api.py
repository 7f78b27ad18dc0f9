"""The job operations of S3 Control: from a request to its response."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from windlass_local.batch.documents import input_of, output_of
from windlass_local.batch.job_queue import JobQueue, job_queue_of
from windlass_local.batch.job_request import JobRejected, check
from windlass_local.batch.resource_checks import check_resources
from windlass_local.batch.runner import Runner
from windlass_local.batch.states import State
from windlass_local.errors import error_response
from windlass_local.request import Request, Response

__all__ = ["answer", "is_job_call"]

_PATH = re.compile(r"/v20180820/jobs(?:/(?P<id>[^/]+)(?:/(?P<part>status|priority|tagging))?)?/?")
_HOST_ACCOUNT = re.compile(r"(\d{12})\.")
_MOST_LISTED = 1000
_MOST_TAGS = 50


def is_job_call(request: Request) -> bool:
    """True when the path is one of jobs."""
    return _PATH.fullmatch(request.path) is not None


def answer(runner: Runner, request: Request) -> Response:
    """Answer one call on jobs."""
    match = _PATH.fullmatch(request.path)
    assert match is not None
    operation = _OPERATIONS.get((request.method, bool(match["id"]), match["part"] or ""))
    if operation is None:
        return error_response(request, 405, "MethodNotAllowed", "The specified method is not allowed here.")
    name, act = operation
    try:
        queue = job_queue_of(_account(request), request.region or "us-east-1")
        values = act(runner, queue, request, match["id"] or "")
    except JobRejected as error:
        return error_response(request, error.status, error.code, str(error))
    except ValueError as error:
        return error_response(request, 400, "MalformedXML", str(error))
    ids = (("x-amz-request-id", uuid.uuid4().hex[:16].upper()), ("content-type", "application/xml"))
    return Response(status=200, headers=ids, body=output_of(name, values))


def _account(request: Request) -> str:
    """Return the account of the jobs, from the header or the host. A caller may name only its own account."""
    host = _HOST_ACCOUNT.match(request.headers.get("host", ""))
    account_id = request.headers.get("x-amz-account-id") or (host[1] if host else request.account_id)
    if account_id != request.account_id:
        raise JobRejected("AccessDenied", "Access Denied", 403)
    return account_id


def _create(runner: Runner, queue: JobQueue, request: Request, _job_id: str) -> dict[str, Any]:
    parameters = input_of("CreateJob", request.body)
    known = queue.find_by_token(parameters)
    if known is not None:
        return {"JobId": known.id}
    check(parameters, queue.account_id, queue.region)
    check_resources(parameters, queue.region)
    job = queue.create(parameters)
    runner.wake(queue)
    return {"JobId": job.id}


def _describe(_runner: Runner, queue: JobQueue, _request: Request, job_id: str) -> dict[str, Any]:
    with queue.lock:
        return {"Job": queue.find(job_id).description()}


def _list(_runner: Runner, queue: JobQueue, request: Request, _job_id: str) -> dict[str, Any]:
    query = parse_qs(request.query)
    statuses = query.get("jobStatuses", [])
    if not set(statuses) <= set(State):
        raise JobRejected("InvalidRequest", f"{', '.join(sorted(set(statuses) - set(State)))} is no status of a job.")
    most = int(query.get("maxResults", [str(_MOST_LISTED)])[0])
    if not 0 <= most <= _MOST_LISTED:
        raise JobRejected("InvalidRequest", f"MaxResults must be between 0 and {_MOST_LISTED}.")
    jobs, token = queue.page(statuses, query.get("nextToken", [""])[0], most or _MOST_LISTED)
    return {"NextToken": token or None, "Jobs": jobs}


def _status(runner: Runner, queue: JobQueue, request: Request, job_id: str) -> dict[str, Any]:
    query = parse_qs(request.query)
    requested = query.get("requestedJobStatus", [""])[0]
    if requested not in (State.READY, State.CANCELLED):
        raise JobRejected("InvalidRequest", "RequestedJobStatus is Ready or Cancelled.")
    job = queue.request(job_id, requested, query.get("statusUpdateReason", [""])[0])
    runner.wake(queue)
    return {"JobId": job.id, "Status": job.state, "StatusUpdateReason": job.update_reason or None}


def _priority(_runner: Runner, queue: JobQueue, request: Request, job_id: str) -> dict[str, Any]:
    value = parse_qs(request.query).get("priority", [""])[0]
    if not value.isdigit():
        raise JobRejected("InvalidRequest", "Priority must be a number from 0 on.")
    return {"JobId": job_id, "Priority": queue.prioritize(job_id, int(value)).priority}


def _get_tags(_runner: Runner, queue: JobQueue, _request: Request, job_id: str) -> dict[str, Any]:
    return {"Tags": queue.find(job_id).tags}


def _put_tags(_runner: Runner, queue: JobQueue, request: Request, job_id: str) -> dict[str, Any]:
    tags = input_of("PutJobTagging", request.body).get("Tags", [])
    if len(tags) > _MOST_TAGS:
        raise JobRejected("TooManyTagsException", f"A job can have {_MOST_TAGS} tags at most.")
    queue.find(job_id).tags = tags
    return {}


def _delete_tags(_runner: Runner, queue: JobQueue, _request: Request, job_id: str) -> dict[str, Any]:
    queue.find(job_id).tags = []
    return {}


Act = Callable[[Runner, JobQueue, Request, str], dict[str, Any]]
_OPERATIONS: dict[tuple[str, bool, str], tuple[str, Act]] = {
    ("POST", False, ""): ("CreateJob", _create),
    ("GET", False, ""): ("ListJobs", _list),
    ("GET", True, ""): ("DescribeJob", _describe),
    ("POST", True, "status"): ("UpdateJobStatus", _status),
    ("POST", True, "priority"): ("UpdateJobPriority", _priority),
    ("GET", True, "tagging"): ("GetJobTagging", _get_tags),
    ("PUT", True, "tagging"): ("PutJobTagging", _put_tags),
    ("DELETE", True, "tagging"): ("DeleteJobTagging", _delete_tags),
}
"""By method, whether a job is named, and the part of it that is called on."""
