"""Checks that AWS sent a response: content type, request id, a complete body of the operation's shape. Pure.

A captive portal, a proxy's login page, an empty body and a body that was cut off all parse as "nothing there" in
botocore. Here they are `InvalidResponse`, before anything is read from them.

Facts: every AWS service sends a request id (AWS SDK reference, "request id"); S3 sends no Content-Type with several
documents (GetObjectTagging among them), so a missing one is accepted where the body itself is complete and right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http.client import responses
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from windlass.core.aws_errors import masked

__all__ = ["InvalidResponse", "check_response", "register"]

_REQUEST_ID_HEADERS = ("x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id", "x-amz-requestid", "x-amz-id-2")
_REQUEST_ID_ELEMENT = re.compile(rb"<[rR]equest(?:Id|ID)>[^<]+<")
_ROOT = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<([A-Za-z_][\w.:-]*)([^>]*)>", re.DOTALL
)
_AWS_NAMESPACE = re.compile(rb"xmlns(?::\w+)?=[\"'][^\"']*amazonaws\.com")
_ERROR_ROOTS = frozenset({"error", "errorresponse", "html", "response"})
_EXCERPT = 120
_STRUCTURAL = frozenset({"list", "map", "structure", "boolean"})
# Root elements of S3's documents, which its model does not name (Amazon S3 API Reference): one of them in response to
# another operation is a wrong response.
_S3_ROOTS: Mapping[str, str] = {
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketTagging": "Tagging",
    "GetObjectTagging": "Tagging",
    "GetBucketEncryption": "ServerSideEncryptionConfiguration",
    "GetBucketPolicyStatus": "PolicyStatus",
    "GetPublicAccessBlock": "PublicAccessBlockConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetObjectAcl": "AccessControlPolicy",
    "GetBucketOwnershipControls": "OwnershipControls",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketReplication": "ReplicationConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetBucketCors": "CORSConfiguration",
    "GetObjectLockConfiguration": "ObjectLockConfiguration",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListObjectVersions": "ListVersionsResult",
}


class InvalidResponse(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """The response is not AWS's, or is incomplete."""

    fmt = "{reason}"


def register(client: Any) -> None:
    """Check every response of a botocore client before it is parsed."""
    client.meta.events.register_last("before-parse", _before_parse, unique_id="windlass-response-check")


def _before_parse(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    check_response(operation_model, response_dict)


def check_response(operation_model: Any, response: Mapping[str, Any]) -> None:
    """Raise InvalidResponse when `response` (status_code, headers, body) can't be AWS's response to the operation."""
    status, headers, body = int(response["status_code"]), response["headers"], response["body"]
    raw = body if isinstance(body, bytes) else None  # None: a stream, which is read elsewhere
    content_type = str(headers.get("content-type", "")).partition(";")[0].strip().lower()
    is_cbor = "cbor" in operation_model.service_model.resolved_protocol
    # botocore's CBOR parser takes the letters of a text for lengths, and ends with a MemoryError.
    foreign = _foreign_error(operation_model.name, status) if is_cbor and content_type != "application/cbor" else None
    if status >= 500 or status == 429:
        if foreign is not None:
            raise foreign
        return  # load balancers send these, too; they are retried whoever sent them
    # Queue servers that are not AWS's send no request id with JSON, and no proxy sends this content type or these members.
    if not (
        _has_request_id(headers, raw)
        or content_type.startswith("application/x-amz-json")
        or _has_own_members(operation_model, content_type, raw)
    ):
        kind = content_type or "without a content type"
        raise InvalidResponse(reason=f"HTTP {status} {kind} without a request id{_excerpt(raw)}")
    if status >= 300 and foreign is not None:
        raise foreign
    if status < 300 and status != 204 and raw is not None:
        _check_body(operation_model, content_type, raw)


def _has_own_members(model: Any, content_type: str, body: bytes | None) -> bool:
    """Return whether a JSON object has members of the operation's response and no others, or AWS's name of an error."""
    if content_type != "application/json" or not body or "json" not in model.service_model.resolved_protocol:
        return False
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(document, dict) or not document:
        return False
    members = model.output_shape.members if model.output_shape is not None else {}
    own = {member.serialization.get("name", name) for name, member in members.items()}
    return document.keys() <= own or "#" in str(document.get("__type", ""))


def _excerpt(body: bytes | None) -> str:
    """Return how a text begins: emulators and proxies say there what they refuse."""
    text = " ".join((body or b"")[:400].decode(errors="replace").split())
    return f": {masked(text[:_EXCERPT])}" if text and text.isprintable() else ""


def _foreign_error(operation: str, status: int) -> ClientError:
    """Return the error that botocore makes of a load balancer's error page: its code is the status."""
    error = {"Code": str(status), "Message": responses.get(status, "")}
    return ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)


def _has_request_id(headers: Mapping[str, str], body: bytes | None) -> bool:
    return any(headers.get(name) for name in _REQUEST_ID_HEADERS) or bool(body and _REQUEST_ID_ELEMENT.search(body))


def _check_body(model: Any, content_type: str, body: bytes) -> None:
    shape = model.output_shape
    if shape is None or not _body_members(shape):
        return
    payload = shape.members.get(shape.serialization.get("payload", ""))
    if payload is not None and payload.type_name in ("blob", "string"):
        _check(
            content_type != "text/html" and bool(body.strip()), f"{content_type or 'an empty body'} as {payload.name}"
        )
        return
    family = "json" if "json" in model.service_model.resolved_protocol else "xml"
    is_cbor = "cbor" in model.service_model.resolved_protocol
    if is_cbor:
        _check(
            content_type == "application/cbor" and bool(body), f"{content_type or 'no content type'} instead of CBOR"
        )
        return
    _check(not content_type or family in content_type, f"{content_type} instead of {family.upper()}")
    _check(bool(body.strip()), "an empty body")
    if family == "json":
        _check_json(payload if payload is not None else shape, body)
    else:
        _check_xml(model, payload, body)


def _body_members(shape: Any) -> list[str]:
    in_body = ("header", "headers", "statusCode")
    return [name for name, member in shape.members.items() if member.serialization.get("location") not in in_body]


def _check_json(shape: Any, body: bytes) -> None:
    document = _json(body)
    if shape.type_name != "structure":
        return
    _check(isinstance(document, dict), "JSON that is not an object")
    for name in _required(shape):
        _check(name in document, f"{name} is missing")


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)  # orjson refuses lone surrogates, which some names have
    except ValueError:
        raise InvalidResponse(reason="JSON that is cut off or malformed") from None


def _check_xml(model: Any, payload: Any, body: bytes) -> None:
    match = _ROOT.match(body)
    _check(match is not None, "no XML document")
    assert match is not None
    root = match[1].decode().rpartition(":")[2]
    _check(root.lower() not in _ERROR_ROOTS, f"<{root}> as its root element")
    _check(_is_own_root(model, payload, root, match[2]), f"<{root}> as its root element")
    shape = payload if payload is not None and payload.type_name == "structure" else model.output_shape
    for name in _required(shape):
        _check(b"<" + name.encode() in body, f"{name} is missing")


def _is_own_root(model: Any, payload: Any, root: str, attributes: bytes) -> bool:
    if model.service_model.resolved_protocol in ("query", "ec2"):
        return root == f"{model.name}Response"
    if model.service_model.service_name == "s3":
        known = _S3_ROOTS.get(model.name)
        if known is not None or root in _S3_ROOTS.values():
            return root == known
    own = {model.name, f"{model.name}Result", f"{model.name}Response", f"{model.name}Output", model.output_shape.name}
    if payload is not None:
        own |= {payload.name, payload.serialization.get("name", ""), model.output_shape.serialization["payload"]}
    return root in own or bool(_AWS_NAMESPACE.search(attributes))


def _required(shape: Any) -> Iterator[str]:
    """Yield serialised names of required members, without strings: AWS omits required tokens that are empty."""
    for name in shape.required_members:
        member = shape.members[name]
        traits = member.serialization
        if member.type_name in _STRUCTURAL and "location" not in traits and not traits.get("flattened"):
            yield str(traits.get("name", name))


def _check(good: bool, what: str) -> None:
    if not good:
        raise InvalidResponse(reason=f"a response with {what}" if what[0] != "<" else f"a document with {what}")
