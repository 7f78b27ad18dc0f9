"""AWS error answers in the protocol of the service that was called, so that every SDK parses the code."""

from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape

from windlass.local.request import Request, Response

__all__ = ["error_response"]

_QUERY = {
    "autoscaling", "cloudformation", "elasticloadbalancing", "iam", "monitoring", "rds", "redshift", "ses", "sns", "sts",
    "elasticache", "elasticbeanstalk", "neptune", "docdb",
}  # fmt: skip
_REST_XML = {
    "s3": "",
    "cloudfront": "http://cloudfront.amazonaws.com/doc/2020-05-31/",
    "route53": "https://route53.amazonaws.com/doc/2013-04-01/",
}


def error_response(request: Request, status: int, code: str, message: str) -> Response:
    """The answer of `request`'s service for an error `code`."""
    request_id = str(uuid.uuid4())
    common = (("x-amzn-requestid", request_id), ("x-amz-request-id", request_id))
    service, text = request.service, escape(message)
    if service == "s3":
        body = "" if request.method == "HEAD" else (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{text}</Message>'
            f"<RequestId>{request_id}</RequestId><HostId>windlass</HostId></Error>"
        )  # fmt: skip
        return _xml(status, body, common)
    if service == "ec2":
        return _xml(
            status,
            f"<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>",
            common,
        )
    speaks_query = service in _QUERY or (service == "sqs" and "x-amz-target" not in request.headers)
    if speaks_query or service in _REST_XML:
        kind = "Sender" if status < 500 else "Receiver"
        return _xml(
            status,
            f'<ErrorResponse xmlns="{_REST_XML.get(service, "")}"><Error><Type>{kind}</Type><Code>{code}</Code>'
            f"<Message>{text}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
            common,
        )
    body = json.dumps({"__type": code, "message": message, "Message": message})
    headers = (("content-type", "application/x-amz-json-1.0"), ("x-amzn-errortype", code), *common)
    return Response(status=status, headers=headers, body=body.encode())


def _xml(status: int, body: str, headers: tuple[tuple[str, str], ...]) -> Response:
    return Response(status=status, headers=(("content-type", "application/xml"), *headers), body=body.encode())
