"""The guard around every request: host, token, session, role; security headers; metrics. Pure ASGI, for speed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import SimpleCookie
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from windlass.api.auth import Asked, Role, is_loopback_host, permit
from windlass.api.tokens import Token, check_token
from windlass.app import App
from windlass.core import clock
from windlass.core.errors import AccessRefused, WindlassError

__all__ = ["COOKIE", "Guard", "Sessions", "problem"]

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
    """Logins of this process: random cookies, each standing for a token; gone after a restart."""

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[Token, float]] = {}

    def open(self, token: Token) -> str:
        """A new session's cookie value."""
        value = secrets.token_urlsafe(32)
        self._sessions[value] = (token, time.monotonic() + _SESSION_S)
        return value

    def find(self, value: str) -> Token | None:
        """The session's token while it lasts."""
        found = self._sessions.get(value)
        if found is None or found[1] < time.monotonic():
            self._sessions.pop(value, None)
            return None
        return found[0]

    def close(self, value: str) -> None:
        """Log out."""
        self._sessions.pop(value, None)


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
                return RedirectResponse(f"/login?next={request.url.path}", status_code=303)
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
        cookie = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
        return (self._sessions.find(cookie.value) if cookie else None), False
