"""What AWS adds to every response where moto omits it: a request id, and the protocol's content type."""

from __future__ import annotations

import uuid
from dataclasses import replace

from windlass_local.request import Request, Response

__all__ = ["enveloped"]

_REQUEST_IDS = ("x-amzn-requestid", "x-amz-request-id")


def enveloped(request: Request, response: Response) -> Response:
    """Return `answer` with a request id, and with its body's content type instead of moto's defaults (`text/html`, `text`)."""
    headers = [(name, value) for name, value in response.headers]
    names = {name.lower(): value for name, value in headers}
    if not any(name in names for name in _REQUEST_IDS):
        name = "x-amz-request-id" if request.service == "s3" else "x-amzn-requestid"
        headers.append((name, str(uuid.uuid4())))
    content_type = _content_type(request, names.get("content-type", "text"), response.body)
    if content_type:
        headers = [(name, value) for name, value in headers if name.lower() != "content-type"]
        headers.append(("content-type", content_type))
    return replace(response, headers=tuple(headers))


def _content_type(request: Request, moto_type: str, body: bytes) -> str:
    """Return the right content type, or "" when moto's is right."""
    if request.service == "s3" or not moto_type.startswith("text") or "xml" in moto_type:
        return ""
    if body.lstrip()[:1] == b"<":
        return "text/xml"
    return "application/x-amz-json-1.1" if "x-amz-target" in request.headers else "application/json"
