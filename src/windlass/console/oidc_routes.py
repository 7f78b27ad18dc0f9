"""The two addresses of a login by OIDC: leaving for the provider, and coming back."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from windlass.api.logins import Logins
from windlass.api.parameters import ANY, declare_parameters
from windlass.api.problems import LoginBlocked, status_of
from windlass.api.sessions import Login, Sessions, read_cookie
from windlass.api.tokens import digest_of
from windlass.console.entrance import is_https, open_session, own_page
from windlass.console.oidc import PENDING_S, Pending, Provider, claim_values, role_of
from windlass.core.errors import AccessDenied, WindlassError

__all__ = ["add_oidc"]

_COOKIE = "windlass_oidc"
_CALLBACK = "/login/oidc/callback"

ShowLogin = Callable[[Request, str, str, int], Response]


def add_oidc(site: FastAPI, provider: Provider, sessions: Sessions, logins: Logins, show: ShowLogin) -> None:
    """Add the addresses; `show` is the login page with a failure."""

    def leave(request: Request, next: str = "/") -> Response:  # noqa: A002  the parameter's public name
        try:
            url, pending = provider.begin(_redirect_uri(request), own_page(next))
        except WindlassError as error:
            return show(request, next, f"{error.message}. {error.hint}", status_of(error))
        answer = RedirectResponse(url, status_code=303)
        answer.set_cookie(
            _COOKIE,
            provider.signer.write(pending),
            max_age=int(PENDING_S),
            path="/login/oidc",
            httponly=True,
            samesite="lax",
            secure=is_https(request),
        )
        return answer

    def come_back(request: Request) -> Response:
        pending = provider.signer.read(read_cookie(request, _COOKIE), now=time.time())
        target = pending.target if pending else "/"
        try:
            answer = open_session(
                request, sessions, _login(request, provider, pending, logins), target, lasts_s=provider.config.session_s
            )
        except LoginBlocked as error:
            answer = show(request, target, error.message, 429)
        except WindlassError as error:
            answer = show(request, target, f"{error.message}. {error.hint}", status_of(error))
        answer.delete_cookie(_COOKIE, path="/login/oidc")
        return answer

    declare_parameters(site.state, "/login/oidc", ("next",))
    declare_parameters(site.state, _CALLBACK, (ANY,))
    site.add_api_route("/login/oidc", leave, include_in_schema=False)
    site.add_api_route(_CALLBACK, come_back, include_in_schema=False)


def _login(request: Request, provider: Provider, pending: Pending | None, logins: Logins) -> Login:
    """The login that the provider's answer gives; a refusal counts for the address and stands in the audit trail."""
    address = request.scope["address"]
    logins.check_address(address)
    try:
        return _checked(request, provider, pending)
    except AccessDenied as error:
        logins.record_failure(address, digest_of(request.url.query), way="oidc", reason=error.message)
        raise


def _checked(request: Request, provider: Provider, pending: Pending | None) -> Login:
    if pending is None:
        raise AccessDenied("this login was not begun here, or took too long", hint="Begin it again.")
    claims = provider.finish(dict(request.query_params), pending, _redirect_uri(request))
    names = claim_values(claims, provider.config.name_claim)
    name = next(iter(names)) if len(names) == 1 else str(claims["sub"])
    role = role_of(claims, provider.config)
    if not role:
        raise AccessDenied(
            f"{name} has no role here",
            hint=f"An administrator maps values of the claim {provider.config.role_claim!r} in [oidc] of windlass.toml.",
        )
    return Login(f"oidc:{name}"[:200], role)


def _redirect_uri(request: Request) -> str:
    """The callback's address as the browser sees it; the guard has checked the host."""
    scheme = "https" if is_https(request) else "http"
    return f"{scheme}://{request.headers['host']}{_CALLBACK}"
