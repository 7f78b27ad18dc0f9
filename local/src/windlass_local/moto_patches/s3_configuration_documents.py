# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""Bucket configurations are returned as they were put.

Upstream: lifecycle, replication, notification and other documents are parsed in part and rebuilt without the rest.
AWS: GET returns every element that PUT accepted.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html
Offered upstream: no.
"""

from __future__ import annotations

import re
from functools import wraps
from typing import Any
from xml.etree import ElementTree as ET

from moto.s3 import exceptions, responses

from windlass_local.s3 import documents

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.s3.responses.S3Response._bucket_response_put",
    "moto.s3.responses.S3Response._bucket_response_delete",
)

_RULE_NAMES = re.compile(r"(?<=<Name>)(?:Prefix|Suffix)(?=</Name>)", re.IGNORECASE)


def apply() -> None:
    """Keep the XML once moto has accepted it."""
    original_put, original_delete = (
        responses.S3Response._bucket_response_put,
        responses.S3Response._bucket_response_delete,
    )

    @wraps(original_put)
    def put(response: Any, request: Any, bucket_name: str, querystring: Any) -> Any:
        if "notification" in querystring:  # S3 returns and accepts `Prefix`; moto accepts `prefix`
            response.body = _RULE_NAMES.sub(lambda name: name[0].lower(), _text(response.body))
        answer = original_put(response, request, bucket_name, querystring)
        subresource = next((name for name in documents.KEPT if name in querystring), "")
        if subresource:
            try:
                documents.keep(response.backend.get_bucket(bucket_name), subresource, response.body)
            except ET.ParseError as error:
                raise exceptions.MalformedXML from error
        if subresource == "lifecycle":
            size = response.headers.get(documents.MINIMUM_SIZE) or documents.MINIMUM_SIZE_DEFAULT
            documents.documents_of(response.backend.get_bucket(bucket_name))[documents.MINIMUM_SIZE] = size.encode()
            return 200, {documents.MINIMUM_SIZE: size}, b""
        return answer

    @wraps(original_delete)
    def delete(response: Any, bucket_name: str, querystring: Any) -> Any:
        answer = original_delete(response, bucket_name, querystring)
        for name in documents.KEPT:
            if name in querystring:
                documents.forget(response.backend.get_bucket(bucket_name), name)
        return answer

    responses.S3Response._bucket_response_put = put
    responses.S3Response._bucket_response_delete = delete


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)
