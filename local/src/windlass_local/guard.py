"""The outermost layer: refuses requests that a web page could send, before any other code reads them.

The embedded AWS runs code for every caller, and every web page that a developer opens can send requests to loopback.
Three headers that a page cannot forge distinguish its requests from a program's: `Host` (DNS rebinding), `Origin` and
`Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/). Pure, but for the ASGI call.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from windlass_local.errors import error_response
from windlass_local.request import read_request, signing_service

__all__ = ["CONTROL_PATHS", "Guard", "HostRules", "check_origin"]

CONTROL_PATHS = ("/_windlass", "/moto-api")
"""Paths that are no service of AWS."""
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?", re.IGNORECASE)
# moto reads the credential from the second word of the header, for any scheme. In requests of a page it must name S3.
_S3_SIGNED = re.compile(r"AWS4-HMAC-SHA256\s+Credential=[^/\s,]+/\d{8}/[^/\s,]+/s3/aws4_request\s*,")
_HINT_HOST = "Allow a host name with `windlass local up --allow-host NAME` (or local.allow_hosts)."
_HINT_ORIGIN = (
    "Web pages may not call the embedded AWS: it would run their code as you. Pages that you trust may read S3 objects "
    "with `windlass local up --allow-origin ORIGIN` (or local.allow_origins) and a CORS configuration of the bucket."
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
RawHeaders = Iterable[tuple[bytes, bytes]]


def check_origin(origin: str) -> str:
    """Return `origin` in lower case. ValueError when it is not scheme://host[:port]."""
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{origin!r} is not an origin: write it as http://localhost:5173")
    return origin.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRules:
    """Hosts and origins that are allowed besides loopback's names.

    `hosts` are names without a port; `*.name` allows every name below. `origins` are as browsers write them.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def allows_host(self, host: str) -> bool:
        """True when a Host header names loopback or a configured name."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].lower().removesuffix(".")
        if name == "localhost" or name.endswith(".localhost") or name in self.hosts:
            return True
        if any(allowed.startswith("*.") and name.endswith(allowed[1:]) for allowed in self.hosts):
            return True
        return _is_loopback(name)

    def refusal(self, method: str, path: str, query: str, headers: RawHeaders) -> str:
        """Return why a request is refused; empty when it is allowed. Reads only the head of the request."""
        hosts, origins, sites = _values(headers)
        if len(hosts) != 1 or not self.allows_host(hosts[0]):
            return f"the Host {_printable(hosts)} is not a loopback name. {_HINT_HOST}"
        if not origins and not sites:
            return ""  # a program, not a page
        return self._page_refusal(hosts[0], origins, sites) or _unless_read(method, path, query, headers)

    def _page_refusal(self, host: str, origins: list[str], sites: list[str]) -> str:
        own = {f"{scheme}://{host.lower()}" for scheme in ("http", "https")}
        allowed = bool(origins) and all(origin.lower() in self.origins for origin in origins)
        if not allowed and any(origin.lower() not in own for origin in origins):
            return f"the Origin {_printable(origins)} is foreign. {_HINT_ORIGIN}"
        if not allowed and any(site.lower() not in ("none", "same-origin") for site in sites):
            return f"the request comes from a page of another site (Sec-Fetch-Site {_printable(sites)}). {_HINT_ORIGIN}"
        return ""


def _values(headers: RawHeaders) -> tuple[list[str], list[str], list[str]]:
    values: dict[bytes, list[str]] = {b"host": [], b"origin": [], b"sec-fetch-site": []}
    for name, value in headers:
        if name in values:
            values[name].append(value.decode("latin-1").strip())
    return values[b"host"], values[b"origin"], values[b"sec-fetch-site"]


def _is_loopback(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _unless_read(method: str, path: str, query: str, headers: RawHeaders) -> str:
    """Return a refusal of everything a browser sends but reads: a page shown from a bucket must not run code either.

    A browser may read S3 (GET, HEAD and the preflight of them) and `/_windlass/…`; nothing else.
    """
    if method in ("GET", "HEAD") and path.startswith("/_windlass/"):
        return ""
    named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    parameters = named.get("access-control-request-method", "") if method == "OPTIONS" else method
    if parameters in ("GET", "HEAD") and _is_s3(path, query, named):
        return ""
    return f"a browser may only read S3 objects here, not {method} {path[:200]}. {_HINT_ORIGIN}"


def _is_s3(path: str, query: str, headers: Mapping[str, str]) -> bool:
    parameters = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    return (
        signing_service(headers, path, query) == "s3"
        and not path.startswith((*CONTROL_PATHS, "/latest/"))
        and "Action" not in parameters
        and "x-amz-target" not in headers
        and ("authorization" not in headers or _S3_SIGNED.match(headers["authorization"]) is not None)
    )


def _printable(values: list[str]) -> str:
    return ", ".join(repr(value[:200]) for value in values) or "(none)"


class Guard:
    """The ASGI application around the embedded AWS: 403 for what `rules` refuse, all else untouched."""

    def __init__(self, inner: Callable[[Scope, Receive, Send], Awaitable[None]], rules: HostRules) -> None:
        self.inner = inner
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or hand it on untouched."""
        if scope["type"] == "http":
            path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
            refusal = self.rules.refusal(scope["method"], path, query, scope["headers"])
            if refusal:
                await _refuse(scope["method"], path, query, scope["headers"], refusal, send)
                return
        await self.inner(scope, receive, send)


async def _refuse(method: str, path: str, query: str, headers: RawHeaders, refusal: str, send: Send) -> None:
    named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    request = read_request(method=method, path=path, query=query, headers=named, body=b"", account_of=lambda _: "")
    response = error_response(request, 403, "AccessDenied", f"The embedded AWS refuses this request: {refusal}")
    body = b"" if method == "HEAD" else response.body
    fields = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in response.headers]
    fields += [(b"content-length", b"%d" % len(body)), (b"x-content-type-options", b"nosniff")]
    # The body may be unread, so the connection cannot be kept.
    fields.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 403, "headers": fields})
    await send({"type": "http.response.body", "body": body})
