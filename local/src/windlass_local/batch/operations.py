"""The S3 calls of a job's tasks: one function per operation."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from windlass_local.batch.copy_headers import acl_headers, copy_headers
from windlass_local.batch.job_request import bucket_of
from windlass_local.batch.manifest import Row, key_of
from windlass_local.batch.report import TaskResult
from windlass_local.batch.s3_client import RoleS3Client, error_of
from windlass_local.batch.timing import BATCH_TIMING
from windlass_local.request import Response
from windlass_local.s3.responses import XMLNS, element

__all__ = ["One", "Tasks", "each", "outcome_of", "s3_task"]

One = Callable[[Row], TaskResult]
Tasks = Callable[[Sequence[Row]], list[TaskResult]]
"""Runs the tasks of some rows and returns their results."""

_DONE = TaskResult(ok=True, http=200, code="", message="Successful")
_AGAIN_S = 0.02


def each(task: One) -> Tasks:
    """Run tasks one after the other."""
    return lambda rows: [task(row) for row in rows]


def s3_task(name: str, parameters: Mapping[str, Any], client: RoleS3Client) -> One:
    """Return the task of an operation that is one S3 call."""
    match name:
        case "S3PutObjectCopy":
            return _copy(parameters, client)
        case "S3PutObjectTagging":
            return _call(client, "PUT", "PutObjectTagging", "tagging", body=_tagging(parameters.get("TagSet", [])))
        case "S3DeleteObjectTagging":
            return _call(client, "DELETE", "DeleteObjectTagging", "tagging")
    return _acl(parameters, client)


def outcome_of(ask: Callable[[], Response]) -> TaskResult:
    """Return the result of a call; temporary failures are to be retried."""
    for number in range(BATCH_TIMING.tries):
        response = ask()
        if response.status < 300:
            return _DONE
        if response.status not in (500, 503):
            break
        if number + 1 < BATCH_TIMING.tries:
            time.sleep(_AGAIN_S * 2**number)
    code, text = error_of(response)
    ids = {name.lower(): value for name, value in response.headers}
    message = (
        f"{text} (Service: Amazon S3; Status Code: {response.status}; Error Code: {code}; "
        f"Request ID: {ids.get('x-amz-request-id') or secrets.token_hex(8).upper()}; "
        f"S3 Extended Request ID: {ids.get('x-amz-id-2', '')}; Proxy: null)"
    )
    return TaskResult(ok=False, http=response.status, code=code, message=message)


def _copy(parameters: Mapping[str, Any], client: RoleS3Client) -> One:
    target, prefix = bucket_of(parameters["TargetResource"]), parameters.get("TargetKeyPrefix", "")
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    headers = copy_headers(parameters)

    def task(row: Row) -> TaskResult:
        bucket, written, version = row
        key = key_of(written)
        source = f"{bucket}/{quote(key)}" + (f"?versionId={version}" if version else "")
        value = {**headers, "x-amz-copy-source": source}
        return outcome_of(lambda: client.call("PUT", target, prefix + key, "CopyObject", headers=value))

    return task


def _call(
    client: RoleS3Client,
    method: str,
    operation: str,
    subresource: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> One:
    def task(row: Row) -> TaskResult:
        bucket, written, version = row
        query = {subresource: ""} | ({"versionId": version} if version else {})
        key = key_of(written)
        return outcome_of(
            lambda: client.call(method, bucket, key, operation, query=query, headers=headers or {}, body=body)
        )

    return task


def _tagging(tags: list[dict[str, str]]) -> bytes:
    inner = "".join(f"<Tag>{element('Key', tag['Key'])}{element('Value', tag.get('Value', ''))}</Tag>" for tag in tags)
    return f'<Tagging xmlns="{XMLNS}"><TagSet>{inner}</TagSet></Tagging>'.encode()


def _acl(parameters: Mapping[str, Any], client: RoleS3Client) -> One:
    policy = parameters.get("AccessControlPolicy", {})
    canned = policy.get("CannedAccessControlList")
    grants = policy.get("AccessControlList", {}).get("Grants", [])
    headers = {"x-amz-acl": canned} if canned else acl_headers(grants)
    return _call(client, "PUT", "PutObjectAcl", "acl", headers=headers)
