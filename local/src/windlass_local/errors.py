"""AWS error responses in the protocol of the call that failed, so that every SDK parses the code.

The protocol is read from the request, not from the service: one signing name may speak several (`ses` is SES's query
protocol and SESv2's REST-JSON; `monitoring` answers query, JSON and CBOR).
"""

from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape

from windlass_local.request import Request, Response

__all__ = ["error_response"]

_REST_XML = {
    "s3control": "http://awss3control.amazonaws.com/doc/2018-08-20/",
    "cloudfront": "http://cloudfront.amazonaws.com/doc/2020-05-31/",
    "route53": "https://route53.amazonaws.com/doc/2013-04-01/",
}

Headers = tuple[tuple[str, str], ...]


def error_response(request: Request, status: int, code: str, message: str) -> Response:
    """Return the response of `request`'s service for an error `code`, with a message of any length."""
    request_id = str(uuid.uuid4())
    common: Headers = (("x-amzn-requestid", request_id), ("x-amz-request-id", request_id))
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return _cbor(status, code, message, common)
    if request.service in ("s3", "s3express"):
        return _s3(request, status, code, message, request_id, common)
    if request.service == "ec2":
        body = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
        return _xml(status, body, common)
    if request.service in _REST_XML or _is_query(request):
        kind = "Sender" if status < 500 else "Receiver"
        body = (
            f'<ErrorResponse xmlns="{_REST_XML.get(request.service, "")}"><Error><Type>{kind}</Type><Code>{code}</Code>'
            f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return _xml(status, body, common)
    text = json.dumps({"__type": code, "message": message, "Message": message})
    headers = (("content-type", "application/x-amz-json-1.0"), ("x-amzn-errortype", code), *common)
    return Response(status=status, headers=headers, body=text.encode())


def _is_query(request: Request) -> bool:
    """True for the query protocol: a form, or (presigned) an Action in the URL; both name the operation."""
    if "x-amz-target" in request.headers:
        return False
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return form or "Action=" in request.query


def _s3(request: Request, status: int, code: str, message: str, request_id: str, headers: Headers) -> Response:
    body = (
        ""
        if request.method == "HEAD"
        else (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(message)}</Message>'
            f"<RequestId>{request_id}</RequestId><HostId>windlass</HostId></Error>"
        )
    )
    return _xml(status, body, headers)


def _xml(status: int, body: str, headers: Headers) -> Response:
    return Response(status=status, headers=(("content-type", "application/xml"), *headers), body=body.encode())


def _cbor(status: int, code: str, message: str, headers: Headers) -> Response:
    """Encode the error as CBOR (RFC 8949): a map (major type 5) of two pairs of texts."""
    body = b"\xa2" + b"".join(_cbor_text(text) for text in ("__type", code, "message", message))
    own = (("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor"))
    return Response(status=status, headers=(*own, *headers), body=body)


def _cbor_text(text: str) -> bytes:
    encoded = text.encode()
    return b"\x7a" + len(encoded).to_bytes(4, "big") + encoded  # a text whose length takes four bytes
