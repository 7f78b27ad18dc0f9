"""The AWS JSON 1.0 protocol: `X-Amz-Target: AmazonSQS.<Operation>`, a JSON body both ways."""

from __future__ import annotations

from typing import Any

import orjson

from windlass_local.sqs.errors import SqsError, shape_of

__all__ = ["CONTENT_TYPE", "TARGET_PREFIX", "parse", "render", "render_error"]

TARGET_PREFIX = "AmazonSQS."
CONTENT_TYPE = "application/x-amz-json-1.0"


def parse(body: bytes) -> dict[str, Any]:
    """Parse the operation's parameters. SqsError SerializationException."""
    try:
        document = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise SqsError("SerializationException", "The request body is not a JSON object.")
    return document


def render(response: dict[str, Any]) -> bytes:
    """Render the response's body."""
    return orjson.dumps(response)


def render_error(error: SqsError) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """Return status, extra headers and body. The header has the query protocol's code, which SDKs show."""
    shape = shape_of(error.name)
    body = orjson.dumps({"__type": shape.json_type, "message": error.message})
    return shape.json_status, (("x-amzn-query-error", f"{shape.query_code};Sender"),), body
