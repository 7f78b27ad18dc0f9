"""The ASGI middleware around every request: access rules, security headers, size limit, metrics."""

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
    REPORT_ROUTES,
    RequestFacts,
    Role,
    authorize,
    client_address,
    is_forwarded,
    is_loopback_host,
    proxy_by_configuration,
)
from windlass.api.authenticator import Authenticator
from windlass.api.osquery_agents import OsqueryEndpoints
from windlass.api.problems import LoginBlocked, problem
from windlass.api.sessions import Login, Sessions, session_cookie
from windlass.api.tokens import active_token
from windlass.app import App
from windlass.core import clock
from windlass.core.errors import AccessDenied, UsageError, WindlassError
from windlass.observe.log import logger

__all__ = ["MAX_BODY_BYTES", "SecurityMiddleware"]

MAX_BODY_BYTES = 1 << 20  # forms and JSON have a few short fields; the console takes no uploads
MAX_REPORT_BYTES = 32 << 20  # facts of a hundred hosts with a thousand packages each
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


class SecurityMiddleware:
    """Wraps the application and sets `scope["role"]`, `["actor"]`, `["address"]` and `["logged_in"]` for it.

    Plain ASGI: the middleware base class of Starlette costs a task per request.
    """

    def __init__(self, inner: Any, *, app: App, host: str, sessions: Sessions, authenticator: Authenticator) -> None:
        self.inner = inner
        self._app = app
        self._sessions = sessions
        self._authenticator = authenticator
        self._osquery = OsqueryEndpoints(app)
        console = app.settings.console
        self._config = console
        self._loopback = is_loopback_host(host)
        self._proxied = proxy_by_configuration(
            allowed_hosts=console.allowed_hosts, secure_cookies=console.secure_cookies
        )
        self._hosts = {"localhost", "127.0.0.1", "[::1]", host.lower(), *map(str.lower, console.allowed_hosts)}

    @property
    def login_required(self) -> bool:
        """True when a request needs a token or a session: always, except on a loopback bind without a proxy in front."""
        if not self._loopback or self._config.require_login is True:
            return True
        return self._config.require_login == "auto" and self._proxied

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request (ASGI)."""
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
            if self._osquery.serves(scope):  # agents have node keys instead of tokens, and no browser
                scope["address"] = self._address(request)
                await self._osquery(scope, receive, sending)
                return
            if "authorization" in request.headers or session_cookie(request):  # these read the store
                refusal = await run_in_threadpool(self._admit, scope)
            else:
                refusal = self._admit(scope)
            await (refusal or self.inner)(scope, _bounded(receive, _limit_of(scope)), sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._app.metrics.requests.labels(route, str(status)).inc()
            if route != "/live":
                self._app.metrics.request_seconds.labels(route).observe(time.perf_counter() - started)

    def _notice_proxy(self, scope: Scope) -> None:
        """After the first forwarded request every request needs a login: a proxy publishes this port."""
        if not self._proxied and is_forwarded(scope["headers"]):
            self._proxied = True
            if self._loopback and self._config.require_login == "auto":
                logger("console").warning(
                    "console.login_required",
                    reason="a request was forwarded by a proxy",
                    hint="Create a token with `windlass token create`; set console.require_login = true to ask from the start.",
                )

    def _address(self, request: Request) -> str:
        return client_address(
            request.client.host if request.client else "",
            ",".join(request.headers.getlist("x-forwarded-for")),
            self._config.trusted_proxies,
        )

    def _admit(self, scope: Scope) -> Response | None:
        request = Request(scope)
        scope["address"] = self._address(request)
        try:
            length = request.headers.get("content-length", "0")
            if length.isdigit() and int(length) > _limit_of(scope):
                return problem(_too_large(_limit_of(scope)), 413)
            login, bearer = self._login(request, scope["address"])
            facts = RequestFacts(
                method=request.method,
                path=request.url.path,
                host=request.headers.get("host", ""),
                origin=request.headers.get("origin", ""),
                fetch_site=request.headers.get("sec-fetch-site", ""),
                bearer=bearer,
                role=login.role if login else Role.NOBODY,
            )
            scope["role"] = authorize(facts, login_required=self.login_required, hosts=self._hosts)
        except (AccessDenied, LoginBlocked) as error:
            return _refusal(request, error)
        scope["actor"] = login.actor if login else "loopback"
        scope["logged_in"] = login is not None and not bearer
        return None

    def _login(self, request: Request, address: str) -> tuple[Login | None, bool]:
        """Return the login (None without one), and True for a bearer token. AccessDenied for an invalid token on any
        bind.
        """
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and text:
            token = self._authenticator.by_token(text.strip(), address, channel="bearer")
            if token is None:
                raise AccessDenied(
                    "the token is unknown, expired or revoked",
                    hint="List tokens with `windlass token list`; create one with `windlass token create`.",
                    code="UnknownToken",
                )
            return Login(f"token:{token.name}", token.role, token.token_id), True
        login = self._sessions.find(session_cookie(request))
        if login is None or not login.token_id:
            return login, False
        # Read from the store each time, because a revoked or expired token ends its sessions at once.
        token = active_token(self._app.store, login.token_id, now=clock.now())
        return (Login(login.actor, token.role, token.token_id) if token else None), False


def _refusal(request: Request, error: WindlassError) -> Response:
    wants_page = "text/html" in request.headers.get("accept", "") and error.code == "LoginRequired"
    if wants_page and request.method == "GET":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': target})}", status_code=303)
    return problem(error)


def _limit_of(scope: Scope) -> int:
    return MAX_REPORT_BYTES if (scope["method"], scope["path"]) in REPORT_ROUTES else MAX_BODY_BYTES


def _too_large(limit: int) -> UsageError:
    return UsageError(f"the request body is larger than {limit:,} bytes", hint="/docs lists the fields of each route.")


def _bounded(receive: Receive, limit: int) -> Receive:
    """Wrap `receive`: end the request with 413 when more bytes arrive than allowed, even if it declared fewer."""
    received = 0

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413, f"the request body is larger than {limit:,} bytes")
        return message

    return receiving
