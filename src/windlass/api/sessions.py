"""Login sessions of the console, kept in memory under random cookies. A restart ends them."""

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
    """The actor and role of a session. A session from a token (`token_id`) has the role of the token while the token is
    active; a session from an OIDC provider keeps its role until it ends.
    """

    actor: str  # as in the audit log: `token:ci`, `oidc:ann@example.com`
    role: Role
    token_id: str = ""


class Sessions:
    """Open sessions by cookie value, and the CSRF tokens of their forms.

    A CSRF token is an HMAC of the cookie with a key of this process: another site can make the browser send the cookie,
    but cannot know the token.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, tuple[Login, float]] = {}
        self._key = secrets.token_bytes(32)

    def open(self, login: Login, *, lasts_s: float = SESSION_S) -> str:
        """Open a session and return its cookie value. Sessions that have ended are removed."""
        now = self._clock()
        self._sessions = {value: held for value, held in self._sessions.items() if held[1] > now}
        value = secrets.token_urlsafe(32)
        self._sessions[value] = (login, now + lasts_s)
        return value

    def find(self, value: str) -> Login | None:
        """Return the login of the session; None when it has ended or is unknown."""
        held = self._sessions.get(value)
        return held[0] if held is not None and held[1] > self._clock() else None

    def close(self, value: str) -> None:
        """End a session. Idempotent."""
        self._sessions.pop(value, None)

    def csrf_token(self, cookie: str) -> str:
        """Return the CSRF token for the forms of this session (`cookie` is empty without a login)."""
        return hmac.new(self._key, cookie.encode(), hashlib.sha256).hexdigest()

    def check_csrf_token(self, cookie: str, csrf_token: str) -> None:
        """Raise AccessDenied for a form that does not come from a page of this session."""
        if not hmac.compare_digest(self.csrf_token(cookie).encode(), csrf_token.encode()):
            raise AccessDenied(
                "the CSRF token of this form is not valid for your session",
                hint="Reload the page and try again.",
                code="CsrfToken",
            )


def session_cookie(request: Request) -> str:
    """Return the value of the session cookie; empty without one."""
    return read_cookie(request, COOKIE)


def read_cookie(request: Request, name: str) -> str:
    """Return the value of a cookie; empty without one, or when the header is malformed."""
    try:
        morsel = SimpleCookie(request.headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
