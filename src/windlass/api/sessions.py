"""Sessions of the console: random cookies of this process, each standing for a login; gone after a restart."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.requests import Request

from windlass.api.auth import Role
from windlass.core.errors import AccessDenied

__all__ = ["COOKIE", "SESSION_S", "Login", "Sessions", "read_cookie", "session_cookie"]

COOKIE = "windlass_session"
SESSION_S = 12 * 3600.0


@dataclass(frozen=True, slots=True)
class Login:
    """Whose a session is. One made from a token (`token_id`) has that token's role while the token is active; one from
    an OIDC provider keeps the role it was given until it ends.
    """

    actor: str  # as the audit trail names it: `token:ci`, `oidc:ann@example.com`
    role: Role
    token_id: str = ""


class Sessions:
    """The open sessions by their cookie's value.

    Forms carry a mark made from the cookie and a key of this process: another site can have the browser send the
    cookie, but can't know the mark.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, tuple[Login, float]] = {}
        self._key = secrets.token_bytes(32)

    def open(self, login: Login, *, lasts_s: float = SESSION_S) -> str:
        """A new session's cookie value; sessions that have ended are forgotten."""
        now = self._clock()
        self._sessions = {value: held for value, held in self._sessions.items() if held[1] > now}
        value = secrets.token_urlsafe(32)
        self._sessions[value] = (login, now + lasts_s)
        return value

    def find(self, value: str) -> Login | None:
        """The session's login while the session lasts, else None."""
        held = self._sessions.get(value)
        return held[0] if held is not None and held[1] > self._clock() else None

    def close(self, value: str) -> None:
        """Log out."""
        self._sessions.pop(value, None)

    def form_mark(self, cookie: str) -> str:
        """What a form of our own pages carries for this session (an empty cookie where there is no login)."""
        return hmac.new(self._key, cookie.encode(), hashlib.sha256).hexdigest()

    def check_form(self, cookie: str, mark: str) -> None:
        """AccessDenied for a form that did not come from our own page in this session."""
        if not hmac.compare_digest(self.form_mark(cookie).encode(), mark.encode()):
            raise AccessDenied(
                "this form is not from the page you see", hint="Load the page again and repeat.", code="FormMark"
            )


def session_cookie(request: Request) -> str:
    """The session's cookie value; empty without one."""
    return read_cookie(request, COOKIE)


def read_cookie(request: Request, name: str) -> str:
    """A cookie's value; empty without one, or when the header can't be parsed."""
    try:
        morsel = SimpleCookie(request.headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
