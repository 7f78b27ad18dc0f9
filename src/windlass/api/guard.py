"""The guard around every request: host, token, session, role; security headers; metrics. Pure ASGI, for speed."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from windlass.api.auth import Asked, Role, is_loopback_host, permit
from windlass.api.tokens import Token, check_token, living_token
from windlass.app import App
from windlass.core import clock
from windlass.core.errors import AccessRefused, WindlassError

__all__ = ["COOKIE", "Guard", "Sessions", "problem", "session_cookie"]

COOKIE = "windlass_session"
_SESSION_S = 12 * 3600
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Sessions:
    """Logins of this process: random cookies, each standing for a token; gone after a restart.

    Forms carry a mark made from the cookie and a key of this process: another site can have the browser send the
    cookie, but can't know the mark.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[str, float]] = {}
        self._key = secrets.token_bytes(32)

    def open(self, token: Token) -> str:
        """A new session's cookie value; those that are over are forgotten."""
        now = time.monotonic()
        self._sessions = {value: held for value, held in self._sessions.items() if held[1] > now}
        value = secrets.token_urlsafe(32)
        self._sessions[value] = (token.token_id, now + _SESSION_S)
        return value

    def find(self, value: str) -> str:
        """The id of the session's token while the session lasts, else nothing."""
        token_id, until = self._sessions.get(value, ("", 0.0))
        return token_id if until > time.monotonic() else ""

    def close(self, value: str) -> None:
        """Log out."""
        self._sessions.pop(value, None)

    def form_mark(self, cookie: str) -> str:
        """What a form of our own pages carries for this session (an empty cookie on loopback)."""
        return hmac.new(self._key, cookie.encode(), hashlib.sha256).hexdigest()

    def check_form(self, cookie: str, mark: str) -> None:
        """AccessRefused for a form that did not come from our own page in this session."""
        if not hmac.compare_digest(self.form_mark(cookie).encode(), mark.encode()):
            raise AccessRefused(
                "this form is not from the page you see", hint="Load the page again and repeat.", code="FormMark"
            )


def problem(error: WindlassError) -> JSONResponse:
    """An error as problem+json (RFC 9457)."""
    body = {"type": "about:blank", "title": type(error).__name__, "status": error.http_status, "detail": error.message}
    if error.hint:
        body["hint"] = error.hint
    if error.code:
        body["code"] = error.code
    return JSONResponse(body, status_code=error.http_status, media_type="application/problem+json")


class Guard:
    """Wraps the application; `request.scope["role"]` and `["actor"]` are set for what is behind it."""

    def __init__(self, inner: Any, *, app: App, host: str, sessions: Sessions) -> None:
        self.inner = inner
        self._app = app
        self._sessions = sessions
        self._loopback = is_loopback_host(host)
        self._hosts = {
            "localhost",
            "127.0.0.1",
            "[::1]",
            host.lower(),
            *map(str.lower, app.settings.console.allowed_hosts),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    *((n.encode(), v.encode()) for n, v in _HEADERS.items()),
                ]
            await send(message)

        try:
            refusal = self._admit(scope)
            await (refusal or self.inner)(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._app.metrics.requests.labels(route, str(status)).inc()
            if route != "/live":
                self._app.metrics.request_seconds.labels(route).observe(time.perf_counter() - started)

    def _admit(self, scope: Scope) -> Response | None:
        request = Request(scope)
        token, bearer = self._token(request)
        asked = Asked(
            method=request.method, path=request.url.path, host=request.headers.get("host", ""),
            origin=request.headers.get("origin", ""), fetch_site=request.headers.get("sec-fetch-site", ""), bearer=bearer,
            role=token.role if token else Role.NOBODY,
        )  # fmt: skip
        try:
            scope["role"] = permit(asked, loopback=self._loopback, hosts=self._hosts)
        except AccessRefused as error:
            wants_page = "text/html" in request.headers.get("accept", "") and error.code == "LoginRequired"
            if wants_page and request.method == "GET":
                wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(f"/login?{urlencode({'next': wanted})}", status_code=303)
            answer = problem(error)
            if error.code == "LoginRequired":
                answer.status_code = 401
                answer.headers["www-authenticate"] = "Bearer"
            return answer
        scope["actor"] = f"token:{token.name}" if token else "loopback"
        return None

    def _token(self, request: Request) -> tuple[Token | None, bool]:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and text:
            return check_token(self._app.store, text.strip(), now=clock.now()), True
        token_id = self._sessions.find(session_cookie(request))
        # Asked anew each time: a token that was revoked ends its sessions, too.
        return (living_token(self._app.store, token_id) if token_id else None), False


def session_cookie(request: Request) -> str:
    """The session's cookie value; empty without one."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
