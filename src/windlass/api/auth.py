"""Who may ask what: decided by pure functions over a request's facts.

On loopback there is no login, but the Host header must be ours (a foreign page can point its own name at 127.0.0.1)
and a write must come from our own pages. On any other bind every request carries a token or a session made from one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum

from windlass.core.errors import AccessRefused, ConfigError

__all__ = ["Asked", "Role", "check_bind", "is_loopback_host", "permit"]

# The probes of an orchestrator have no token, and learn nothing but that we live.
_OPEN_PATHS = ("/static/", "/healthz", "/readyz", "/login")


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


def check_bind(host: str, *, tokens: int) -> None:
    """ConfigError for a bind that others can reach while nobody could log in."""
    if not is_loopback_host(host) and tokens == 0:
        raise ConfigError(
            f"the console may not listen on {host} without a token: anybody who reaches it could read the estate",
            hint="`windlass token create --name me --role admin` makes one; or listen on 127.0.0.1.",
        )


def permit(asked: Asked, *, loopback: bool, hosts: Collection[str]) -> Role:
    """The role the request has; AccessRefused when it may not be answered at all."""
    name = asked.host.rsplit(":", 1)[0] if not asked.host.endswith("]") else asked.host
    if name.lower() not in hosts:
        raise AccessRefused(
            f"the host name {name!r} is not this console's", hint="Add it to console.allowed_hosts.", code="WrongHost"
        )
    if asked.method not in ("GET", "HEAD", "OPTIONS") and not asked.bearer and not _from_ourselves(asked):
        raise AccessRefused(
            "a write must come from the console's own pages", hint="Use a token for programs.", code="CrossSite"
        )
    if loopback:
        return Role.ADMIN
    if asked.role is Role.NOBODY and not asked.path.startswith(_OPEN_PATHS):
        raise AccessRefused(
            "a token is required", hint="Send it as `Authorization: Bearer wl_…`, or log in.", code="LoginRequired"
        )
    return asked.role


def _from_ourselves(asked: Asked) -> bool:
    if asked.fetch_site:
        return asked.fetch_site in ("same-origin", "none")
    return bool(asked.origin) and asked.origin.split("://", 1)[-1].lower() == asked.host.lower()
