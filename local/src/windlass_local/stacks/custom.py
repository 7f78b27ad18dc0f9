"""Custom::… and AWS::CloudFormation::CustomResource: a function is told, and puts its answer to a presigned URL.

As in AWS, the URL is of an object in a bucket of CloudFormation's own, and an answer that never comes is a failure.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from typing import Any

from botocore.exceptions import ClientError

from windlass_local.stacks.kind import Here, Kind, Made, Props

__all__ = ["CUSTOM", "CustomFailed"]

_OWNER = "999999999999"
_WAIT_S = 60.0


class CustomFailed(Exception):
    """The function said FAILED, or nothing."""


def _tell(here: Here, request: str, props: Props, made: Made | None = None, before: Props | None = None) -> Made:
    request_id = uuid.uuid4().hex
    bucket = f"cloudformation-custom-resource-response-{here.region.replace('-', '')}"
    store = here.clients.get(_OWNER, "us-east-1", "s3")
    with contextlib.suppress(ClientError):  # it is there already
        store.create_bucket(Bucket=bucket)
    url = store.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": request_id}, ExpiresIn=3600)
    event: dict[str, Any] = {
        "RequestType": request,
        "ServiceToken": props["ServiceToken"],
        "ResponseURL": url,
        "StackId": here.stack_id,
        "RequestId": request_id,
        "LogicalResourceId": here.logical_id,
        "ResourceType": here.type,
        "ResourceProperties": dict(props),
    }
    if made is not None:
        event["PhysicalResourceId"] = made.id
    if before is not None:
        event["OldResourceProperties"] = dict(before)
    called = here.call("lambda", "invoke", FunctionName=props["ServiceToken"], Payload=json.dumps(event))
    told = called["Payload"].read().decode()
    if called.get("FunctionError"):
        raise CustomFailed(f"{here.logical_id}: the function failed: {told}")
    answer = _answer(store, bucket, request_id)
    if answer is None:
        raise CustomFailed(f"{here.logical_id}: no answer came to the response URL")
    if answer["Status"] != "SUCCESS":
        raise CustomFailed(f"{here.logical_id}: {answer.get('Reason', 'FAILED without a reason')}")
    return Made(str(answer["PhysicalResourceId"]), answer.get("Data") or {})


def _answer(store: Any, bucket: str, key: str) -> dict[str, Any] | None:
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(ClientError):
            answer: dict[str, Any] = json.loads(store.get_object(Bucket=bucket, Key=key)["Body"].read())
            store.delete_object(Bucket=bucket, Key=key)
            return answer
        time.sleep(0.05)
    return None


def _create(here: Here, _name: str, props: Props) -> Made:
    return _tell(here, "Create", props)


def _update(here: Here, made: Made, before: Props, props: Props) -> Made:
    now = _tell(here, "Update", props, made, before)
    if now.id != made.id:  # another id is another resource, and the old one goes
        _tell(here, "Delete", before, made)
    return now


def _delete(here: Here, made: Made, props: Props) -> None:
    _tell(here, "Delete", props, made)


CUSTOM = Kind("AWS::CloudFormation::CustomResource", "", _create, _update, _delete, ("ServiceToken",))
