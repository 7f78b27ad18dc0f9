"""The guard around every request: host, token, session, role; security headers; metrics. Pure ASGI, for speed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from windlass.api.auth import (
    Asked,
    Role,
    client_address,
    is_forwarded,
    is_loopback_host,
    permit,
    proxy_by_configuration,
)
from windlass.api.logins import Logins
from windlass.api.problems import LoginBlocked, problem
from windlass.api.sessions import Login, Sessions, session_cookie
from windlass.api.tokens import living_token
from windlass.app import App
from windlass.core import clock
from windlass.core.errors import AccessDenied, UsageError, WindlassError
from windlass.observe.log import logger

__all__ = ["MAX_BODY_BYTES", "Guard"]

MAX_BODY_BYTES = 1 << 20  # forms and JSON of a few fields; nothing is uploaded to the console
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


class Guard:
    """Wraps the application; `request.scope["role"]`, `["actor"]` and `["address"]` are set for what is behind it."""

    def __init__(self, inner: Any, *, app: App, host: str, sessions: Sessions, logins: Logins) -> None:
        self.inner = inner
        self._app = app
        self._sessions = sessions
        self._logins = logins
        console = app.settings.console
        self._config = console
        self._loopback = is_loopback_host(host)
        self._proxied = proxy_by_configuration(
            allowed_hosts=console.allowed_hosts, secure_cookies=console.secure_cookies
        )
        self._hosts = {"localhost", "127.0.0.1", "[::1]", host.lower(), *map(str.lower, console.allowed_hosts)}

    @property
    def login_required(self) -> bool:
        """Whether a request needs a token or session: always but on a loopback bind that no proxy publishes."""
        if not self._loopback or self._config.require_login is True:
            return True
        return self._config.require_login == "auto" and self._proxied

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
            self._notice_proxy(scope)
            request = Request(scope)
            if "authorization" in request.headers or session_cookie(request):  # these read the store
                refusal = await run_in_threadpool(self._admit, scope)
            else:
                refusal = self._admit(scope)
            await (refusal or self.inner)(scope, _bounded(receive), sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._app.metrics.requests.labels(route, str(status)).inc()
            if route != "/live":
                self._app.metrics.request_seconds.labels(route).observe(time.perf_counter() - started)

    def _notice_proxy(self, scope: Scope) -> None:
        """One forwarded request shows that a proxy publishes this port: from then on nobody is admin without a login."""
        if not self._proxied and is_forwarded(scope["headers"]):
            self._proxied = True
            if self._loopback and self._config.require_login == "auto":
                logger("console").warning(
                    "console.login_required",
                    reason="a request was forwarded by a proxy",
                    hint="windlass token create --name me --role admin; console.require_login = true says so from the start",
                )

    def _admit(self, scope: Scope) -> Response | None:
        request = Request(scope)
        scope["address"] = client_address(
            request.client.host if request.client else "",
            ",".join(request.headers.getlist("x-forwarded-for")),
            self._config.trusted_proxies,
        )
        try:
            length = request.headers.get("content-length", "0")
            if length.isdigit() and int(length) > MAX_BODY_BYTES:
                return problem(_too_large(), 413)
            login, bearer = self._login(request, scope["address"])
            asked = Asked(
                method=request.method,
                path=request.url.path,
                host=request.headers.get("host", ""),
                origin=request.headers.get("origin", ""),
                fetch_site=request.headers.get("sec-fetch-site", ""),
                bearer=bearer,
                role=login.role if login else Role.NOBODY,
            )
            scope["role"] = permit(asked, login_required=self.login_required, hosts=self._hosts)
        except (AccessDenied, LoginBlocked) as error:
            return _refusal(request, error)
        scope["actor"] = login.actor if login else "loopback"
        scope["logged_in"] = login is not None and not bearer
        return None

    def _login(self, request: Request, address: str) -> tuple[Login | None, bool]:
        """Who asks, and whether by a bearer token. AccessDenied for a token that is not valid, whatever the bind."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and text:
            token = self._logins.by_token(text.strip(), address, way="bearer")
            if token is None:
                raise AccessDenied(
                    "the token is unknown, expired or revoked",
                    hint="`windlass token list` shows the tokens; `windlass token create` makes one.",
                    code="UnknownToken",
                )
            return Login(f"token:{token.name}", token.role, token.token_id), True
        login = self._sessions.find(session_cookie(request))
        if login is None or not login.token_id:
            return login, False
        # Read from the store each time: a token that was revoked or has expired ends its sessions, too.
        token = living_token(self._app.store, login.token_id, now=clock.now())
        return (Login(login.actor, token.role, token.token_id) if token else None), False


def _refusal(request: Request, error: WindlassError) -> Response:
    wants_page = "text/html" in request.headers.get("accept", "") and error.code == "LoginRequired"
    if wants_page and request.method == "GET":
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': wanted})}", status_code=303)
    return problem(error)


def _too_large() -> UsageError:
    return UsageError(
        f"the body of the request is larger than {MAX_BODY_BYTES:,} bytes", hint="/docs lists what each address takes."
    )


def _bounded(receive: Receive) -> Receive:
    """`receive` that ends a request with 413 when its body, of whatever declared length, passes the bound."""
    received = 0

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(413, f"the body of the request is larger than {MAX_BODY_BYTES:,} bytes")
        return message

    return receiving
