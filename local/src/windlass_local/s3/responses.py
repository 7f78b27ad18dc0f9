"""S3's responses: XML documents, errors, and the headers that every response carries."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from html import escape as _escape

from windlass_local.request import Response

XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def escape(text: str) -> str:
    """Escape text for an XML element. Control characters become references, as S3 writes them."""
    if text.isalnum():
        return text
    escaped = _escape(text, quote=True).replace("&#x27;", "&apos;")
    return escaped.replace("\r", "&#13;").replace("\n", "&#10;") if "\r" in escaped or "\n" in escaped else escaped


Ids = tuple[tuple[str, str], tuple[str, str]]

IDS: ContextVar[Ids | None] = ContextVar("windlass_local_s3_ids", default=None)
"""The ids of the call being answered: its events carry the same."""


def new_request_ids() -> Ids:
    """Return fresh ids for a call: request id and host id, as headers."""
    return (("x-amz-request-id", secrets.token_hex(8).upper()), ("x-amz-id-2", secrets.token_urlsafe(56)))


def request_ids() -> Ids:
    """Return the call's two ids, which AWS's support asks for."""
    return IDS.get() or new_request_ids()


def empty(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Answer without a body."""
    return Response(status=status, headers=(*request_ids(), *(headers or {}).items()), body=b"")


def document(root: str, inner: str, *, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """Answer with an XML document whose root element is `root`."""
    body = f'{_HEAD}<{root} xmlns="{XMLNS}">{inner}</{root}>'.encode()
    return raw_xml(body, headers=headers, status=status)


def raw_xml(body: bytes, *, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """Answer with a document that is already XML."""
    value = (*request_ids(), ("content-type", "application/xml"), *(headers or {}).items())
    return Response(status=status, headers=value, body=body)


def element(name: str, text: object) -> str:
    """Return `<name>text</name>`, or "" for None."""
    if text is None:
        return ""
    return f"<{name}>{escape(str(text))}</{name}>"


def refuse(
    status: int,
    code: str,
    message: str,
    *,
    method: str = "GET",
    details: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer with an S3 error; HEAD gets the status and headers only, as HTTP requires."""
    ids = request_ids()
    if method == "HEAD":
        return Response(
            status=status, headers=(*ids, ("content-type", "application/xml"), *(headers or {}).items()), body=b""
        )
    inner = "".join(element(name, text) for name, text in (details or {}).items())
    body = (
        f"{_HEAD}<Error><Code>{code}</Code><Message>{escape(message)}</Message>{inner}"
        f"<RequestId>{ids[0][1]}</RequestId><HostId>{escape(ids[1][1])}</HostId></Error>"
    )
    value = (*ids, ("content-type", "application/xml"), *(headers or {}).items())
    return Response(status=status, headers=value, body=body.encode())
