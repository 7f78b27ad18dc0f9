"""Login and logout: by token here, by an OIDC provider in `oidc_routes.py`. Each is audited, the failed ones too."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from windlass.api.logins import Logins
from windlass.api.parameters import declare_parameters
from windlass.api.problems import LoginBlocked
from windlass.api.routes import the_app
from windlass.api.sessions import COOKIE, Login, Sessions, session_cookie
from windlass.api.tokens import audit
from windlass.console.entrance import open_session, own_page
from windlass.console.forms import add_action_forms
from windlass.console.oidc import provider_of
from windlass.console.oidc_routes import add_oidc
from windlass.console.render import Pages
from windlass.core import clock

__all__ = ["add_forms"]

Field = Annotated[str, Form()]


def add_forms(site: FastAPI, sessions: Sessions, logins: Logins, pages: Pages) -> None:
    """Add the pages and actions to the site."""
    provider = provider_of(site.state.windlass)

    def check(request: Request, mark: str) -> None:
        sessions.check_form(session_cookie(request), mark)

    def show(request: Request, target: str, failure: str = "", status: int = 200) -> Response:
        data = {"next": own_page(target), "failure": failure, "provider": provider.title if provider else ""}
        return pages.show(request, "login.html", "Log in", data, status=status)

    def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002  the parameter's public name
        return show(request, next)

    def login(request: Request, token: Field, next: Field = "/", mark: Field = "") -> Response:  # noqa: A002
        check(request, mark)
        try:
            found = logins.by_token(token.strip(), request.scope["address"], way="form")
        except LoginBlocked as error:
            answer = show(request, next, error.message, 429)
            answer.headers["retry-after"] = str(error.wait_s)
            return answer
        if found is None:
            return show(request, next, "That token is not known, has expired or was revoked.", 401)
        return open_session(request, sessions, Login(f"token:{found.name}", found.role, found.token_id), next)

    def logout(request: Request, mark: Field = "") -> Response:
        check(request, mark)
        app = the_app(request)
        audit(app.store, actor=request.scope["actor"], action="logout", target="", now=clock.now())
        sessions.close(session_cookie(request))
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    declare_parameters(site.state, "/login", ("next",))
    add_action_forms(site, check)
    site.add_api_route("/login", login_page, include_in_schema=False)
    site.add_api_route("/login", login, methods=["POST"], include_in_schema=False)
    site.add_api_route("/logout", logout, methods=["POST"], include_in_schema=False)
    if provider is not None:
        add_oidc(site, provider, sessions, logins, show)
