"""SQS, replaced: calls never reach moto's WSGI application; moto's other services deliver into the same queues."""

from __future__ import annotations

import inspect
import time
import uuid
from typing import Any

from moto.sqs.models import sqs_backends

from windlass_local.request import Request, Response
from windlass_local.sqs import wire_json, wire_query
from windlass_local.sqs.call import SqsCall
from windlass_local.sqs.errors import SqsError
from windlass_local.sqs.operations import OPERATIONS
from windlass_local.sqs.region_queues import RegionQueues

__all__ = ["PRIVATE_NAMES", "install", "native"]

PRIVATE_NAMES: tuple[str, ...] = (
    "moto.sqs.models.SQSBackend",
    "moto.sqs.models.sqs_backends",
    "moto.sqs.models.sqs_backends.backend",
    "moto.sqs.exceptions.QueueDoesNotExist",
    "moto.sqs.exceptions.SQSException",
)
"""moto's names that this service relies on; each is checked at start."""


def install() -> None:
    """Replace moto's queue backend by ours, before the first backend exists. Idempotent."""
    if sqs_backends.backend is not RegionQueues:
        sqs_backends.backend = RegionQueues
        sqs_backends.clear()


async def native(request: Request) -> Response | None:
    """Answer a call of either protocol; None for a call of another service."""
    request_id = str(uuid.uuid4())
    target = request.headers.get("x-amz-target", "")
    if target.startswith(wire_json.TARGET_PREFIX):
        try:
            parameters = wire_json.parse(request.body)
            response = await _answer(request, target.removeprefix(wire_json.TARGET_PREFIX), parameters)
        except SqsError as error:
            status, extra, body = wire_json.render_error(error)
            return _response(status, wire_json.CONTENT_TYPE, request_id, body, extra)
        return _response(200, wire_json.CONTENT_TYPE, request_id, wire_json.render(response))
    operation = wire_query.action_of(request.query, request.body)
    if not operation:
        return None
    try:
        parameters = wire_query.parse(request.query, request.body)
        if "QueueUrl" not in parameters and request.path.count("/") >= 2:
            parameters["QueueUrl"] = request.path
        response = await _answer(request, operation, parameters)
    except SqsError as error:
        status, body = wire_query.render_error(error, request_id)
        return _response(status, wire_query.CONTENT_TYPE, request_id, body)
    return _response(200, wire_query.CONTENT_TYPE, request_id, wire_query.render(operation, response, request_id))


async def _answer(request: Request, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    act = OPERATIONS.get(operation)
    if act is None:
        raise SqsError("InvalidAction", f"The action {operation} is not valid for this endpoint.")
    call = SqsCall(
        operation=operation,
        parameters=parameters,
        account_id=request.account_id,
        region=request.region or "us-east-1",
        access_key=request.access_key,
        base_url=f"http://{request.headers.get('host') or '127.0.0.1'}",
        now_s=time.time(),
    )
    response = act(call)
    return await response if inspect.isawaitable(response) else response


def _response(
    status: int, content_type: str, request_id: str, body: bytes, extra: tuple[tuple[str, str], ...] = ()
) -> Response:
    headers = (("content-type", content_type), ("x-amzn-requestid", request_id), *extra)
    return Response(status=status, headers=headers, body=body)
