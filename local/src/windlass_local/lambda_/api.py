"""Invoke, the one operation of Lambda's API that is not moto's. A call that waits for its function holds none of moto's threads."""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.awslambda.exceptions import UnknownFunctionException

from windlass_local.errors import error_response
from windlass_local.lambda_.batches import MAX_EVENT_BYTES
from windlass_local.lambda_.function_name import FunctionName, parse_name
from windlass_local.lambda_.functions import Functions
from windlass_local.lambda_.outcome import Throttled
from windlass_local.lambda_.versions import Unrunnable, find
from windlass_local.request import Request, Response
from windlass_local.workers import done_by

__all__ = ["MAX_ASYNC_BYTES", "invocation_path", "invoke"]

MAX_ASYNC_BYTES = 1_048_576
"""Since October 2025; 256 KB before (AWS Compute Blog, "More room to build")."""
_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_ASYNC_PATH = re.compile(r"/2014-11-13/functions/([^/]+)/invoke-async/?")
_JSON = ("content-type", "application/json")


def invocation_path(request: Request) -> re.Match[str] | None:
    """Match a path of Invoke or InvokeAsync."""
    return (_PATH.fullmatch(request.path) or _ASYNC_PATH.fullmatch(request.path)) if request.method == "POST" else None


async def invoke(functions: Functions, request: Request) -> Response:
    """Answer Invoke: RequestResponse (waits), Event (accepts), DryRun (only checks)."""
    path = invocation_path(request)
    assert path is not None
    qualifier = parse_qs(request.query).get("Qualifier", [""])[0]
    name = parse_name(unquote(path[1]), request.account_id, request.region or "us-east-1", qualifier)
    kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
    if _ASYNC_PATH.fullmatch(request.path):
        kind = "Event"
    refusal = _refusal(request, name, kind)
    if refusal is not None:
        return refusal
    request_id = str(uuid.uuid4())
    headers: tuple[tuple[str, str], ...] = (("x-amzn-requestid", request_id),)
    if kind == "DryRun":
        return Response(status=204, headers=headers, body=b"")
    if kind == "Event":
        functions.events.accept(name, request.body, request_id=request_id)
        return Response(status=202, headers=headers, body=b"")
    try:
        response = await done_by(
            functions.calls,
            lambda: functions.invoke(
                name, request.body, request_id=request_id, client_context=_client_context(request)
            ),
        )
    except Throttled as error:
        return _throttled(error, headers)
    except UnknownFunctionException as error:
        return error_response(request, 404, "ResourceNotFoundException", error.message)
    except Unrunnable as error:
        return error_response(request, 502, "InvalidRuntimeException", str(error))
    headers += (_JSON, ("x-amz-executed-version", response.version))
    if response.failed:
        headers += (("x-amz-function-error", "Unhandled"),)
    if request.headers.get("x-amz-log-type") == "Tail":
        headers += (("x-amz-log-result", response.log_tail),)
    return Response(status=200, headers=headers, body=response.payload)


def _refusal(request: Request, name: FunctionName, kind: str) -> Response | None:
    """Return the refusal of a call that fails before any code runs, or None."""
    if kind not in ("RequestResponse", "Event", "DryRun"):
        return error_response(request, 400, "InvalidParameterValueException", f"{kind} is no invocation type")
    try:
        function = find(name)
    except UnknownFunctionException as error:
        return error_response(request, 404, "ResourceNotFoundException", error.message)
    except KeyError:
        return error_response(request, 400, "InvalidParameterValueException", f"there is no region {name.region}")
    if name.account_id != request.account_id and not _shared(function, request.account_id):
        caller = f"arn:aws:iam::{request.account_id}:root"
        what = f"User: {caller} is not authorized to perform: lambda:InvokeFunction on resource: {name.arn}"
        return error_response(request, 403, "AccessDeniedException", what)
    most = MAX_ASYNC_BYTES if kind == "Event" else MAX_EVENT_BYTES
    if len(request.body) > most:
        what = f"Request must be smaller than {most} bytes for the InvokeFunction operation"
        return error_response(request, 413, "RequestTooLargeException", what)
    try:
        json.loads(request.body or b"{}")
    except ValueError as error:
        what = f"Could not parse request body into json: {error}"
        return error_response(request, 400, "InvalidRequestContentException", what)
    return None


def _shared(function: Any, account_id: str) -> bool:
    """True when the function's resource policy lets the account invoke it."""
    for statement in function.policy.statements:
        actions, principal = statement.get("Action"), statement.get("Principal")
        named = principal.get("AWS", "") if isinstance(principal, dict) else principal
        allowed = statement.get("Effect") == "Allow" and actions in ("lambda:InvokeFunction", "lambda:*")
        if allowed and (named == "*" or account_id in str(named)):
            return True
    return False


def _throttled(error: Throttled, headers: tuple[tuple[str, str], ...]) -> Response:
    body = json.dumps({"Reason": error.reason, "Type": "User", "message": str(error)}).encode()
    named = (("x-amzn-errortype", "TooManyRequestsException"), ("retry-after", "1"), _JSON)
    return Response(status=429, headers=(*headers, *named), body=body)


def _client_context(request: Request) -> object:
    try:
        return json.loads(base64.b64decode(request.headers.get("x-amz-client-context", ""), validate=True) or b"null")
    except (binascii.Error, ValueError):
        return None
