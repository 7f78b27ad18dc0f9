"""Custom::… and AWS::CloudFormation::CustomResource: a function is invoked and puts its response to a presigned URL.

As in AWS, the URL is of an object in CloudFormation's own bucket, and a response that never comes is a failure.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from typing import Any

from botocore.exceptions import ClientError

from windlass_local.cloudformation.resource_type import Created, Props, ResourceContext, ResourceType

__all__ = ["CUSTOM", "CustomFailed"]

_OWNER = "999999999999"
_WAIT_S = 60.0


class CustomFailed(Exception):
    """The function answered FAILED, or did not answer."""


def _tell(
    context: ResourceContext, request: str, props: Props, created: Created | None = None, before: Props | None = None
) -> Created:
    request_id = uuid.uuid4().hex
    bucket = f"cloudformation-custom-resource-response-{context.region.replace('-', '')}"
    store = context.clients.get(_OWNER, "us-east-1", "s3")
    with contextlib.suppress(ClientError):  # it exists
        store.create_bucket(Bucket=bucket)
    url = store.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": request_id}, ExpiresIn=3600)
    event: dict[str, Any] = {
        "RequestType": request,
        "ServiceToken": props["ServiceToken"],
        "ResponseURL": url,
        "StackId": context.stack_id,
        "RequestId": request_id,
        "LogicalResourceId": context.logical_id,
        "ResourceType": context.type,
        "ResourceProperties": dict(props),
    }
    if created is not None:
        event["PhysicalResourceId"] = created.id
    if before is not None:
        event["OldResourceProperties"] = dict(before)
    called = context.call("lambda", "invoke", FunctionName=props["ServiceToken"], Payload=json.dumps(event))
    reported = called["Payload"].read().decode()
    if called.get("FunctionError"):
        raise CustomFailed(f"{context.logical_id}: the function failed: {reported}")
    response = _answer(store, bucket, request_id)
    if response is None:
        raise CustomFailed(f"{context.logical_id}: no response was put to the response URL")
    if response["Status"] != "SUCCESS":
        raise CustomFailed(f"{context.logical_id}: {response.get('Reason', 'FAILED without a reason')}")
    return Created(str(response["PhysicalResourceId"]), response.get("Data") or {})


def _answer(store: Any, bucket: str, key: str) -> dict[str, Any] | None:
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(ClientError):
            response: dict[str, Any] = json.loads(store.get_object(Bucket=bucket, Key=key)["Body"].read())
            store.delete_object(Bucket=bucket, Key=key)
            return response
        time.sleep(0.05)
    return None


def _create(context: ResourceContext, _name: str, props: Props) -> Created:
    return _tell(context, "Create", props)


def _update(context: ResourceContext, created: Created, before: Props, props: Props) -> Created:
    now = _tell(context, "Update", props, created, before)
    if now.id != created.id:  # another id means another resource; the old one is deleted
        _tell(context, "Delete", before, created)
    return now


def _delete(context: ResourceContext, created: Created, props: Props) -> None:
    _tell(context, "Delete", props, created)


CUSTOM = ResourceType("AWS::CloudFormation::CustomResource", "", _create, _update, _delete, ("ServiceToken",))
