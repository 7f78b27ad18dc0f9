"""Login by token, and logout; login by OIDC is in `oidc_routes.py`. Each is recorded in the audit log, failed logins too."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from windlass.api.authenticator import Authenticator
from windlass.api.parameters import declare_parameters
from windlass.api.problems import LoginBlocked
from windlass.api.routes import app_of
from windlass.api.sessions import COOKIE, Login, Sessions, session_cookie
from windlass.console.forms import add_action_forms
from windlass.console.login_session import open_session, safe_target
from windlass.console.oidc import provider_of
from windlass.console.oidc_routes import add_oidc
from windlass.console.page_renderer import PageRenderer
from windlass.core import clock
from windlass.store.audit_log import audit

__all__ = ["add_login_routes"]

Field = Annotated[str, Form()]


def add_login_routes(site: FastAPI, sessions: Sessions, authenticator: Authenticator, renderer: PageRenderer) -> None:
    """Add login, logout and the forms of all actions to the site."""
    provider = provider_of(site.state.windlass)

    def check_csrf(request: Request, csrf_token: str) -> None:
        sessions.check_csrf_token(session_cookie(request), csrf_token)

    def show(request: Request, target: str, failure: str = "", status: int = 200) -> Response:
        data = {"next": safe_target(target), "failure": failure, "provider": provider.title if provider else ""}
        return renderer.render(request, "login.html", "Log in", data, status=status)

    def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002  the parameter's public name
        return show(request, next)

    def login(request: Request, token: Field, next: Field = "/", csrf_token: Field = "") -> Response:  # noqa: A002
        check_csrf(request, csrf_token)
        try:
            valid = authenticator.by_token(token.strip(), request.scope["address"], channel="form")
        except LoginBlocked as error:
            response = show(request, next, error.message, 429)
            response.headers["retry-after"] = str(error.wait_s)
            return response
        if valid is None:
            return show(request, next, "The token is unknown, expired or revoked.", 401)
        return open_session(request, sessions, Login(f"token:{valid.name}", valid.role, valid.token_id), next)

    def logout(request: Request, csrf_token: Field = "") -> Response:
        check_csrf(request, csrf_token)
        audit(app_of(request).store, actor=request.scope["actor"], action="logout", target="", now=clock.now())
        sessions.close(session_cookie(request))
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(COOKIE)
        return response

    declare_parameters(site.state, "/login", ("next",))
    add_action_forms(site, check_csrf)
    site.add_api_route("/login", login_page, include_in_schema=False)
    site.add_api_route("/login", login, methods=["POST"], include_in_schema=False)
    site.add_api_route("/logout", logout, methods=["POST"], include_in_schema=False)
    if provider is not None:
        add_oidc(site, provider, sessions, authenticator, show)
