"""boto3 clients of the local AWS for the S3 tests: an access key is its account id."""

from __future__ import annotations

import uuid
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

A, B = "111111111111", "222222222222"


def client(url: str, service: str = "s3", *, account_id: str = A, region: str = "us-east-1", **keys: Any) -> Any:
    """Return a client that doesn't retry."""
    options = {"aws_access_key_id": account_id, "aws_secret_access_key": "windlass-local", **keys}
    config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=url, region_name=region, config=config, **options)


def fresh(prefix: str = "box") -> str:
    """Return a name nobody has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def error_of(call: Any, **arguments: Any) -> tuple[int, str]:
    """Return (HTTP status, error code) of a call that must fail."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError(f"{call.__name__} was expected to fail")
