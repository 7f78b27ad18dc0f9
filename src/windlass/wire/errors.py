"""Failures between a request and its response, and the AWS error in a response."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from xml.etree import ElementTree as ET

import orjson

from windlass.core.errors import AwsError
from windlass.wire.model import Response

__all__ = [
    "UNIDENTIFIED",
    "BadResponse",
    "BrokenResponse",
    "ConnectionLost",
    "Fault",
    "read_fault",
    "read_sensibly",
    "safe_xml",
    "sensible",
]


A = TypeVar("A")
T = TypeVar("T")

_PROXY_HINT = "Is a proxy answering in the service's place?"
UNIDENTIFIED = "UnidentifiedResponse"
"""The code of an error response that nothing shows to be the service's own."""


class ConnectionLost(Exception):
    """The connection ended, or was silent for too long, before the response was complete.

    `begun` says that part of a response had come, `timed_out` that we gave up, `sent` that the request may have been
    read by the server.
    """

    def __init__(self, message: str, *, begun: bool = False, timed_out: bool = False, sent: bool = True) -> None:
        super().__init__(message)
        self.begun = begun
        self.timed_out = timed_out
        self.sent = sent


class BrokenResponse(Exception):
    """The bytes are not HTTP/1.1, or more than the call allows."""


class BadResponse(AwsError):
    """The response is HTTP, but not the operation's, or nothing shows that the service sent it."""

    @classmethod
    def unidentified(cls, where: str, fault: Fault) -> BadResponse:
        """Return the error for a response without the service's marks: whether the call was carried out is unknown."""
        message = f"{where}: the response is not the service's own ({fault.message})"
        return cls(message, hint=_PROXY_HINT, code=fault.code)


class Fault:
    """The error in a response: AWS's code and message (shortened for people), and the region it names, if any.

    `from_service` is false when nothing in the response shows that the service gave it: its code then decides nothing.
    """

    __slots__ = ("code", "from_service", "message", "region", "status")

    def __init__(self, status: int, code: str, message: str, region: str = "", *, from_service: bool = True) -> None:
        self.status, self.code, self.message = status, code[:100], message[:2000]
        self.from_service = from_service
        # It becomes part of the host name that signed requests go to: accept nothing but a region's form.
        self.region = region if _REGION.fullmatch(region) else ""

    @property
    def is_unidentified(self) -> bool:
        """True when the response may be a proxy's. 5xx and 429 are excluded: they are retried whoever sent them."""
        return not self.from_service and self.status < 500 and self.status != 429


_REGION = re.compile(r"[a-z0-9-]{1,40}")
_EXPECTING = re.compile(r"expecting '([a-z0-9-]+)'")
_ENCODING = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([^"'>]*)["']""")
_NO_BODY = {
    200: "InternalError",
    301: "PermanentRedirect",
    304: "NotModified",
    307: "TemporaryRedirect",
    400: "BadRequest",
    403: "AccessDenied",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    412: "PreconditionFailed",
    416: "InvalidRange",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


def read_fault(response: Response) -> Fault:
    """Read the error of any response that is not a success: REST XML, query XML, JSON, or no body at all (HEAD).

    Only the service's own marks make it the service's: a request id, or the protocol's error document. Anything else
    (a proxy's page, a portal's redirect) becomes UnidentifiedResponse, which says nothing of the resource.
    """
    status, body = response.status, response.body
    code = message = region = ""
    query_error, error_type = (response.headers.get(name, "") for name in ("x-amzn-query-error", "x-amzn-errortype"))
    is_document = bool(query_error or error_type)
    if body[:1] == b"{":
        code, message, typed = _json_fault(body)
        code = query_error.partition(";")[0] or code
        is_document = is_document or typed
    elif body.lstrip()[:1] == b"<":
        code, message, region, typed = _xml_fault(body)
        is_document = is_document or typed
    if not (is_document or response.request_id):
        fallback = _NO_BODY.get(status, str(status)) if status >= 500 or status in (200, 429) else UNIDENTIFIED
        content_type = response.headers.get("content-type", "").partition(";")[0].strip()
        message = f"HTTP {status} {content_type or 'without a content type'}, no request id and no error document"
        return Fault(status, fallback, message, from_service=False)
    code = code or error_type.partition(":")[0]
    code = code.rpartition("#")[2].strip() or _NO_BODY.get(status, str(status))
    region = region or response.headers.get("x-amz-bucket-region", "")
    if not region and (expected := _EXPECTING.search(message)):
        region = expected[1]
    return Fault(status, code, message, region)


def safe_xml(body: bytes, root: str = "") -> ET.Element:
    """Return the document's root. BadResponse when it is not XML in UTF-8, declares entities (AWS never does), or is not `root`.

    Blanks around it are allowed: S3 sends them to keep a long call's connection alive.
    """
    if b"<!" in body and (b"<!DOCTYPE" in body or b"<!ENTITY" in body):
        raise BadResponse("the response declares XML entities", hint=_PROXY_HINT)
    # In another encoding, the check above would not see a declaration.
    encoding = _ENCODING.match(body)
    if b"\0" in body or (encoding and encoding[1].lower() not in (b"utf-8", b"us-ascii")):
        raise BadResponse("the response is not XML in UTF-8", hint=_PROXY_HINT)
    try:
        document = ET.fromstring(body.strip())  # noqa: S314  entities are refused above
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BadResponse(f"the response is not XML ({error})", hint=_PROXY_HINT) from None
    name = str(document.tag).rpartition("}")[2]
    if root and name != root:
        raise BadResponse(f"the response is a {name[:80]} document, not {root}", hint=_PROXY_HINT)
    return document


def read_sensibly(read: Callable[[A], T], response: A) -> T:
    """Return `read(response)`; the errors that a response of the wrong shape makes it raise become BadResponse."""
    try:
        return read(response)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        message = f"the response has an unexpected shape ({type(error).__name__}: {str(error)[:200]})"
        raise BadResponse(message, hint=_PROXY_HINT) from None


def sensible(read: Callable[[A], T]) -> Callable[[A], T]:
    """Decorate a reader so that a response of the wrong shape is BadResponse."""

    @wraps(read)
    def reading(response: A) -> T:
        return read_sensibly(read, response)

    return reading


def _json_fault(body: bytes) -> tuple[str, str, bool]:
    """(code, message, whether it is an error document of the AWS JSON protocol)."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", "", False
    if not isinstance(document, dict):
        return "", "", False
    error_type = document.get("__type")
    code = str(error_type or document.get("code") or "")
    message = str(document.get("message") or document.get("Message") or "")
    return code, message, bool(error_type) and isinstance(error_type, str)


def _xml_fault(body: bytes) -> tuple[str, str, str, bool]:
    """(code, message, region, whether it is an error document of the REST XML or query protocol)."""
    try:
        root = safe_xml(body)
    except BadResponse:
        return "", "", "", False
    texts = {"Code": "", "Message": "", "Region": ""}
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in texts and not texts[name]:
            texts[name] = (element.text or "").strip()
    is_document = str(root.tag).rpartition("}")[2] in ("Error", "ErrorResponse") and bool(texts["Code"])
    return texts["Code"], texts["Message"], texts["Region"], is_document
