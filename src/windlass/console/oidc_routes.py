"""The two routes of a login by OIDC: the redirect to the provider, and its callback."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from windlass.api.authenticator import Authenticator
from windlass.api.parameters import ANY, declare_parameters
from windlass.api.problems import LoginBlocked, status_of
from windlass.api.sessions import Login, Sessions, read_cookie
from windlass.api.tokens import token_digest
from windlass.console.login_session import is_https, open_session, safe_target
from windlass.console.oidc import PENDING_S, PendingLogin, Provider, claim_values, role_of
from windlass.core.errors import AccessDenied, WindlassError

__all__ = ["add_oidc"]

_COOKIE = "windlass_oidc"
_CALLBACK = "/login/oidc/callback"

ShowLogin = Callable[[Request, str, str, int], Response]


def add_oidc(
    site: FastAPI, provider: Provider, sessions: Sessions, authenticator: Authenticator, show: ShowLogin
) -> None:
    """Add the routes. `show` renders the login page with a failure."""

    def begin(request: Request, next: str = "/") -> Response:  # noqa: A002  the parameter's public name
        try:
            url, pending = provider.begin(_redirect_uri(request), safe_target(next))
        except WindlassError as error:
            return show(request, next, f"{error.message}. {error.hint}", status_of(error))
        response = RedirectResponse(url, status_code=303)
        response.set_cookie(
            _COOKIE,
            provider.signer.write(pending),
            max_age=int(PENDING_S),
            path="/login/oidc",
            httponly=True,
            samesite="lax",
            secure=is_https(request),
        )
        return response

    def callback(request: Request) -> Response:
        pending = provider.signer.read(read_cookie(request, _COOKIE), now=time.time())
        target = pending.target if pending else "/"
        try:
            response = open_session(
                request,
                sessions,
                _login(request, provider, pending, authenticator),
                target,
                lasts_s=provider.config.session_s,
            )
        except LoginBlocked as error:
            response = show(request, target, error.message, 429)
        except WindlassError as error:
            response = show(request, target, f"{error.message}. {error.hint}", status_of(error))
        response.delete_cookie(_COOKIE, path="/login/oidc")
        return response

    declare_parameters(site.state, "/login/oidc", ("next",))
    declare_parameters(site.state, _CALLBACK, (ANY,))
    site.add_api_route("/login/oidc", begin, include_in_schema=False)
    site.add_api_route(_CALLBACK, callback, include_in_schema=False)


def _login(request: Request, provider: Provider, pending: PendingLogin | None, authenticator: Authenticator) -> Login:
    """Return the login for the provider's response. A refusal counts for the address and is recorded in the audit log."""
    address = request.scope["address"]
    authenticator.check_address(address)
    try:
        return _checked(request, provider, pending)
    except AccessDenied as error:
        authenticator.record_failure(address, token_digest(request.url.query), channel="oidc", reason=error.message)
        raise


def _checked(request: Request, provider: Provider, pending: PendingLogin | None) -> Login:
    if pending is None:
        raise AccessDenied("this login was not started here, or took too long", hint="Start the login again.")
    claims = provider.finish(dict(request.query_params), pending, _redirect_uri(request))
    names = claim_values(claims, provider.config.name_claim)
    name = next(iter(names)) if len(names) == 1 else str(claims["sub"])
    role = role_of(claims, provider.config)
    if not role:
        raise AccessDenied(
            f"{name} has no role in this console",
            hint=f"Ask an administrator to map a value of your claim {provider.config.role_claim!r} in [oidc] of windlass.toml.",
        )
    return Login(f"oidc:{name}"[:200], role)


def _redirect_uri(request: Request) -> str:
    """The URL of the callback as the browser sees it. The middleware has checked the host."""
    scheme = "https" if is_https(request) else "http"
    return f"{scheme}://{request.headers['host']}{_CALLBACK}"
