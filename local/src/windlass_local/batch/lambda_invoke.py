"""LambdaInvoke tasks: each is an event for a function, in invocation schema 1.0 or 2.0; the task's result is the
function's result code.

Source: S3 user guide, "Invoking an AWS Lambda function from S3 Batch Operations". Keys are URL-encoded, as in manifests.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException

from windlass_local.batch.manifest import Row
from windlass_local.batch.operations import Tasks
from windlass_local.batch.report import TaskResult
from windlass_local.batch.timing import BATCH_TIMING
from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.functions import Functions
from windlass_local.lambda_.outcome import Throttled
from windlass_local.lambda_.versions import Unrunnable

__all__ = ["event_of", "function_tasks", "outcome_of_response"]

_AGAIN_S = 0.1


def event_of(row: Row, job_id: str, parameters: Mapping[str, Any], *, partition: str = "aws") -> dict[str, Any]:
    """Return the event of one task."""
    bucket, key, version = row
    task: dict[str, Any] = {
        "taskId": base64.b64encode(uuid.uuid4().bytes).decode(),
        "s3Key": key,
        "s3VersionId": version or None,
    }
    schema = parameters.get("InvocationSchemaVersion", "1.0")
    job: dict[str, Any] = {"id": job_id}
    if schema == "2.0":
        task["s3Bucket"] = bucket
        job["userArguments"] = dict(parameters.get("UserArguments") or {})
    else:
        task["s3BucketArn"] = f"arn:{partition}:s3:::{bucket}"
    return {"invocationSchemaVersion": schema, "invocationId": str(uuid.uuid4()), "job": job, "tasks": [task]}


def outcome_of_response(event: Mapping[str, Any], payload: bytes, *, failed: bool) -> TaskResult:
    """Return the task's result from the function's response."""
    text = payload.decode("utf-8", "replace")
    if failed:
        return TaskResult(
            ok=False, http=200, code="PermanentFailure", message=f"Lambda returned function error: {text}"
        )
    try:
        response = json.loads(payload)
        known = {
            result["taskId"]: (result["resultCode"], str(result.get("resultString", "")))
            for result in response["results"]
        }
        missing = response.get("treatMissingKeysAs", "TemporaryFailure")
    except (ValueError, KeyError, TypeError):
        message = f"Lambda returned a response without task results: {text[:300]}"
        return TaskResult(ok=False, http=200, code="PermanentFailure", message=message)
    code, reply = known.get(event["tasks"][0]["taskId"], (missing, ""))
    if code == "Succeeded":
        return TaskResult(ok=True, http=200, code="", message=reply)
    known_code = code if code in ("TemporaryFailure", "PermanentFailure") else "PermanentFailure"
    return TaskResult(ok=False, http=200, code=known_code, message=reply)


def function_tasks(functions: Functions, job_id: str, parameters: Mapping[str, Any], account_id: str) -> Tasks:
    """Run the tasks of a job, several at once."""
    name = parse_name(parameters["FunctionArn"], account_id, "us-east-1")

    def once(row: Row) -> TaskResult:
        event = event_of(row, job_id, parameters, partition=name.partition)
        try:
            response = functions.invoke(name, json.dumps(event).encode())
        except Throttled as error:
            return TaskResult(ok=False, http=429, code="TemporaryFailure", message=str(error))
        except UnknownFunctionException as error:
            return TaskResult(ok=False, http=404, code="PermanentFailure", message=str(error.message))
        except (Unrunnable, KeyError) as error:
            return TaskResult(ok=False, http=502, code="PermanentFailure", message=str(error))
        return outcome_of_response(event, response.payload, failed=response.failed)

    def task(row: Row) -> TaskResult:
        """Run one task; retry temporary failures."""
        outcome = once(row)
        for number in range(BATCH_TIMING.tries - 1):
            if outcome.code != "TemporaryFailure":
                break
            time.sleep(_AGAIN_S * 2**number)
            outcome = once(row)
        return outcome

    def tasks(rows: Sequence[Row]) -> list[TaskResult]:
        if len(rows) == 1:
            return [task(rows[0])]
        with ThreadPoolExecutor(len(rows), thread_name_prefix="s3-batch-task") as pool:
            return list(pool.map(task, rows))

    return tasks
