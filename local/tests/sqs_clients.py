"""Clients of the local AWS for the SQS tests: an access key is its account id."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any
from xml.etree import ElementTree as ET

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

A, B = "111111111111", "222222222222"


def client(url: str, service: str = "sqs", *, account_id: str = A, region: str = "us-east-1") -> Any:
    """A client that doesn't retry."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account_id,
        aws_secret_access_key="windlass-local",
        config=Config(retries={"max_attempts": 0}, max_pool_connections=30, s3={"addressing_style": "path"}),
    )


def fresh(suffix: str = "") -> str:
    """A name nobody has."""
    return f"q-{uuid.uuid4().hex[:12]}{suffix}"


def error_code(call: Any, **arguments: Any) -> str:
    """The error code of a call that must fail."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    raise AssertionError("it was expected to fail")


def arn_of(sqs: Any, queue_url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def query(url: str, path: str = "/", *, account_id: str = A, **parameters: str) -> tuple[int, ET.Element]:
    """A call by the query protocol, as older SDKs make it: status and the answer without its namespace."""
    credential = f"Credential={account_id}/20261120/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(
        url + path,
        data=urllib.parse.urlencode({"Version": "2012-11-05", **parameters}).encode(),
        headers={"authorization": f"AWS4-HMAC-SHA256 {credential}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            status, text = error.code, error.read().decode()
    return status, ET.fromstring(text.replace('xmlns="http://queue.amazonaws.com/doc/2012-11-05/"', ""))
