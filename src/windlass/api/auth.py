"""Who may ask what: decided by pure functions over a request's facts.

Without a login (loopback, nothing in front) the Host header must be ours, because a foreign page can point its own name at
127.0.0.1, and a write must come from our own pages. Everywhere else every request carries a token or a session.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum

from windlass.core.errors import AccessDenied, ConfigError

__all__ = [
    "Asked",
    "Role",
    "check_bind",
    "client_address",
    "is_forwarded",
    "is_loopback_host",
    "is_trusted",
    "permit",
    "proxy_by_configuration",
]

# The probes of an orchestrator have no token, and learn nothing but that we live.
_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login", "/login/oidc", "/login/oidc/callback"})
_OPEN_FOLDER = "/static/"
# Headers that proxies add and browsers never send by themselves; every `x-forwarded-*` counts, too.
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
    """Each may do what those before it may."""

    NOBODY = 0
    READ = 1
    OPERATE = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> Role:
        """`read`, `operate` or `admin`."""
        return cls[name.upper()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says about itself. `role` is what its token or session gives it, NOBODY without one."""

    method: str
    path: str
    host: str  # the Host header
    origin: str = ""
    fetch_site: str = ""  # Sec-Fetch-Site
    bearer: bool = False
    role: Role = Role.NOBODY


def is_loopback_host(host: str) -> bool:
    """Whether binding to `host` keeps everybody else out."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_bind(host: str, *, logins: bool, required: bool | None = None) -> None:
    """ConfigError for a bind that others can reach while nobody could log in, or while login is switched off.

    `logins` is true when a token or an OIDC provider could let somebody in; `required` is `console.require_login`.
    """
    if is_loopback_host(host):
        return
    if required is False:
        raise ConfigError(
            f"the console may not listen on {host} with console.require_login = false: anybody who reaches it would be admin",
            hint="Remove console.require_login, or listen on 127.0.0.1.",
        )
    if not logins:
        raise ConfigError(
            f"the console may not listen on {host} without a token: anybody who reaches it could read the estate",
            hint="`windlass token create --name me --role admin` makes one; or listen on 127.0.0.1.",
        )


def proxy_by_configuration(*, allowed_hosts: Collection[str], secure_cookies: bool) -> bool:
    """True when the settings only make sense behind a proxy: names other than loopback, or cookies for HTTPS only."""
    return bool(allowed_hosts) or secure_cookies


def is_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """True when a header shows that a proxy passed this request on (RFC 7239 `Forwarded`, `Via`, `X-Forwarded-*` …)."""
    names = (name.decode("latin-1").lower() for name, _ in headers)
    return any(name in _PROXY_HEADERS or name.startswith("x-forwarded-") for name in names)


def client_address(peer: str, forwarded_for: str, trusted: Collection[str]) -> str:
    """The address that failed logins are counted for: an IPv4 address, or the /64 network of an IPv6 address.

    `X-Forwarded-For` is believed from the right as far as trusted proxies wrote it: what a client wrote there itself
    stands further left. An entry that is no address ends the search.
    """
    address = _parse(peer)
    for entry in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if address is None or not _lies_in(address, trusted):
            break
        named = _parse(entry)
        if named is None:
            break
        address = named
    if isinstance(address, ipaddress.IPv6Address) and not address.is_loopback:
        return str(ipaddress.ip_network((address, 64), strict=False))  # one subscriber has a whole /64 to choose from
    return str(address or "unknown")


def is_trusted(peer: str, trusted: Collection[str]) -> bool:
    """Whether an address lies in one of the trusted addresses and networks."""
    address = _parse(peer)
    return address is not None and _lies_in(address, trusted)


def permit(asked: Asked, *, login_required: bool, hosts: Collection[str]) -> Role:
    """The role the request has; AccessDenied when it may not be answered at all."""
    name = asked.host.rsplit(":", 1)[0] if not asked.host.endswith("]") else asked.host
    if name.lower() not in hosts:
        raise AccessDenied(
            f"the host name {name!r} is not this console's", hint="Add it to console.allowed_hosts.", code="WrongHost"
        )
    if asked.method not in ("GET", "HEAD", "OPTIONS") and not asked.bearer and not _from_ourselves(asked):
        raise AccessDenied(
            "a write must come from the console's own pages", hint="Use a token for programs.", code="CrossSite"
        )
    if not login_required:
        return Role.ADMIN
    if asked.role is Role.NOBODY and asked.path not in _OPEN_PATHS and not asked.path.startswith(_OPEN_FOLDER):
        raise AccessDenied(
            "a token is required", hint="Send it as `Authorization: Bearer wl_…`, or log in.", code="LoginRequired"
        )
    return asked.role


def _from_ourselves(asked: Asked) -> bool:
    if asked.fetch_site:
        return asked.fetch_site in ("same-origin", "none")
    return bool(asked.origin) and asked.origin.split("://", 1)[-1].lower() == asked.host.lower()


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `192.0.2.7`, `192.0.2.7:443`, `2001:db8::1`, `[2001:db8::1]:443`; None for anything else."""
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


def _lies_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, trusted: Collection[str]) -> bool:
    return any(address in ipaddress.ip_network(text, strict=False) for text in trusted)
