"""Access rules as pure functions: which requests need a login, and which role a request has.

Without a login (loopback, no proxy) the Host header must name this console, because another site can point its own DNS
name at 127.0.0.1. A write must come from the console's own pages. Everywhere else a request carries a token or a
session.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum

from windlass.core.errors import AccessDenied, ConfigError

__all__ = [
    "REPORT_ROUTES",
    "RequestFacts",
    "Role",
    "authorize",
    "check_bind",
    "client_address",
    "is_forwarded",
    "is_loopback_host",
    "is_trusted",
    "may_report",
    "proxy_by_configuration",
]

# Probes of an orchestrator have no token; these paths show them only that the process works.
_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login", "/login/oidc", "/login/oidc/callback"})
_OPEN_FOLDER = "/static/"
REPORT_ROUTES = frozenset({("PUT", "/v1/facts"), ("POST", "/v1/resources")})
"""All that a token with the role report may call."""
# Headers that proxies add and browsers never send; every `x-forwarded-*` counts, too.
_PROXY_HEADERS = frozenset(
    {
        "forwarded",
        "via",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-forwarded-for",
        "x-original-host",
        "x-original-uri",
        "x-original-url",
        "x-envoy-external-address",
        "x-amzn-trace-id",
        "x-cloud-trace-context",
        "x-azure-clientip",
        "cf-connecting-ip",
        "cf-ray",
        "true-client-ip",
        "fastly-client-ip",
        "front-end-https",
        "proxy-connection",
        "x-proxyuser-ip",
    }
)


class Role(IntEnum):
    """Roles in ascending order: each includes the permissions of those below it, but REPORT.

    REPORT is for agents: it may send facts and resources, and read nothing. READ may not send them.
    """

    NOBODY = 0
    REPORT = 1
    READ = 2
    OPERATE = 3
    ADMIN = 4

    @classmethod
    def named(cls, name: str) -> Role:
        """Return the role called `report`, `read`, `operate` or `admin`. KeyError for another name."""
        return cls[name.upper()]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """What the access rules need to know of a request. `role` is that of its token or session, NOBODY without one."""

    method: str
    path: str
    host: str  # the Host header
    origin: str = ""
    fetch_site: str = ""  # Sec-Fetch-Site
    bearer: bool = False
    role: Role = Role.NOBODY


def is_loopback_host(host: str) -> bool:
    """True when only this machine can reach a server that is bound to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_bind(host: str, *, logins: bool, required: bool | None = None) -> None:
    """Raise ConfigError for a bind address that others can reach while login is impossible or switched off.

    `logins` is True when a token or an OIDC provider exists; `required` is `console.require_login`.
    """
    if is_loopback_host(host):
        return
    if required is False:
        raise ConfigError(
            f"the console does not listen on {host} with console.require_login = false: everyone who reaches it would be admin",
            hint="Remove console.require_login, or listen on 127.0.0.1.",
        )
    if not logins:
        raise ConfigError(
            f"the console does not listen on {host} without a token: no user could log in",
            hint="Create one with `windlass token create --name me --role admin`, or listen on 127.0.0.1.",
        )


def proxy_by_configuration(*, allowed_hosts: Collection[str], secure_cookies: bool) -> bool:
    """True when settings show that a proxy is in front: other host names than loopback, or cookies for HTTPS only."""
    return bool(allowed_hosts) or secure_cookies


def is_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """True when a header shows that a proxy forwarded this request (RFC 7239 `Forwarded`, `Via`, `X-Forwarded-*` …)."""
    names = (name.decode("latin-1").lower() for name, _ in headers)
    return any(name in _PROXY_HEADERS or name.startswith("x-forwarded-") for name in names)


def client_address(peer: str, forwarded_for: str, trusted: Collection[str]) -> str:
    """Return the address that failed logins are counted for: an IPv4 address, or the /64 network of an IPv6 address.

    `X-Forwarded-For` is read from the right, as long as trusted proxies wrote it: entries that the client wrote itself
    are further left. An entry that is not an address ends the search.
    """
    address = _parse(peer)
    for entry in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if address is None or not _is_in(address, trusted):
            break
        named = _parse(entry)
        if named is None:
            break
        address = named
    if isinstance(address, ipaddress.IPv6Address) and not address.is_loopback:
        return str(ipaddress.ip_network((address, 64), strict=False))  # one subscriber can use any address of its /64
    return str(address or "unknown")


def is_trusted(peer: str, trusted: Collection[str]) -> bool:
    """True when `peer` is one of the trusted addresses or in one of the trusted networks."""
    address = _parse(peer)
    return address is not None and _is_in(address, trusted)


def authorize(request: RequestFacts, *, login_required: bool, hosts: Collection[str]) -> Role:
    """Return the role of the request. AccessDenied for a request that must not be answered."""
    name = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    if name.lower() not in hosts:
        raise AccessDenied(
            f"the host name {name!r} does not belong to this console",
            hint="Add it to console.allowed_hosts.",
            code="WrongHost",
        )
    if request.method not in ("GET", "HEAD", "OPTIONS") and not request.bearer and not _is_same_origin(request):
        raise AccessDenied(
            "a write must come from a page of this console", hint="Programs send a token instead.", code="CrossSite"
        )
    if not login_required:
        return Role.ADMIN
    if request.role is Role.NOBODY and request.path not in _OPEN_PATHS and not request.path.startswith(_OPEN_FOLDER):
        raise AccessDenied(
            "a token is required", hint="Send it as `Authorization: Bearer wl_…`, or log in.", code="LoginRequired"
        )
    if request.role is Role.REPORT and (request.method, request.path) not in REPORT_ROUTES:
        raise AccessDenied(
            "a token with the role report may only send facts and resources",
            hint="Use a token with the role read for this. `windlass token create --role read` makes one.",
        )
    return request.role


def may_report(role: Role) -> bool:
    """True for the roles that may send facts and resources."""
    return role is Role.REPORT or role >= Role.OPERATE


def _is_same_origin(request: RequestFacts) -> bool:
    if request.fetch_site:
        return request.fetch_site in ("same-origin", "none")
    return bool(request.origin) and request.origin.split("://", 1)[-1].lower() == request.host.lower()


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse `192.0.2.7`, `192.0.2.7:443`, `2001:db8::1` or `[2001:db8::1]:443`. None for anything else."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, trusted: Collection[str]) -> bool:
    return any(address in ipaddress.ip_network(text, strict=False) for text in trusted)
