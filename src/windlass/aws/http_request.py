"""The HTTP request of a serialised call: URL, headers and body, byte for byte as botocore's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from botocore.utils import percent_encode_sequence

from windlass.aws.endpoint_resolution import ResolvedEndpoint

__all__ = ["HttpRequest", "make_request"]

_WITHOUT_LENGTH = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An unsigned request. Header names are lower-case; `host` is the first."""

    method: str
    scheme: str
    authority: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def target(self) -> str:
        """The path and the query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def head(self, signed_headers: list[tuple[str, str]], user_agent: str) -> bytes:
        """Return the request's head with these headers and those that are not signed."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in signed_headers]
        lines.append(f"user-agent: {user_agent}\r\naccept-encoding: identity")
        if self.method not in _WITHOUT_LENGTH:
            lines.append(f"content-length: {len(self.body)}")
        lines.append("\r\n")
        return "\r\n".join(lines).encode()


def make_request(serialized: Mapping[str, Any], endpoint: ResolvedEndpoint, *, host_prefix: bool) -> HttpRequest:
    """Return the request of what botocore's serialiser returned. ValueError for a header with a line break."""
    authority = endpoint.authority
    if host_prefix and serialized.get("host_prefix"):
        authority = f"{serialized['host_prefix']}{authority}"
    path, _, query = _joined(endpoint.path, serialized["url_path"]).partition("?")
    if serialized["query_string"]:
        encoded = percent_encode_sequence(serialized["query_string"])
        query = f"{query}&{encoded}" if query else encoded
    headers = {name.lower(): _text(value) for name, value in serialized["headers"].items()}
    headers |= {name.lower(): value for name, value in endpoint.headers}
    if any("\r" in value or "\n" in value for value in headers.values()):
        raise ValueError("a header's value has a line break")
    return HttpRequest(
        method=serialized["method"],
        scheme=endpoint.scheme,
        authority=authority,
        path=path,
        query=query,
        headers=(("host", authority), *headers.items()),
        body=_body(serialized["body"]),
    )


def _joined(base: str, path: str) -> str:
    """Return an endpoint's path with the operation's after it (botocore.awsrequest.prepare_request_dict)."""
    if not path or path == "/":
        return base or "/"
    if base.endswith("/") and path.startswith("/"):
        return base[:-1] + path
    joined = base + path
    return joined if joined.startswith("/") else f"/{joined}"


def _body(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, dict):  # the query protocols
        return urlencode([(_utf8(name), _utf8(value)) for name, value in body.items()], doseq=True).encode()
    if body is None:
        return b""
    return bytes(body) if isinstance(body, bytearray) else str(body).encode()


def _utf8(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
