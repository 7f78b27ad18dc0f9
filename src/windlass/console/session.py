"""Forms of the console: login and logout, a job's cancel, a redrive. Each carries the mark of its session; each is audited."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from windlass.api.auth import Role
from windlass.api.guard import COOKIE, Sessions, session_cookie
from windlass.api.routes import need, the_app
from windlass.api.tokens import audit, check_token
from windlass.console.render import Pages
from windlass.console.steering import add_steering
from windlass.core import clock
from windlass.queues import redriving

__all__ = ["add_forms"]

Field = Annotated[str, Form()]


def add_forms(site: FastAPI, sessions: Sessions, pages: Pages) -> None:
    """Add the pages and actions to the site."""

    def check(request: Request, mark: str) -> None:
        sessions.check_form(session_cookie(request), mark)

    def note(request: Request, action: str, target: str, actor: str = "") -> None:
        audit(
            the_app(request).store, actor=actor or request.scope["actor"], action=action, target=target, now=clock.now()
        )

    def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002  the parameter's public name
        return pages.show(request, "login.html", "Log in", {"next": _ours(next), "wrong": False})

    def login(request: Request, token: Field, next: Field = "/", mark: Field = "") -> Response:  # noqa: A002
        check(request, mark)
        app = the_app(request)
        found = check_token(app.store, token.strip(), now=clock.now())
        if found is None:
            return pages.show(request, "login.html", "Log in", {"next": _ours(next), "wrong": True}, status=401)
        note(request, "login", found.token_id, f"token:{found.name}")
        answer = RedirectResponse(_ours(next), status_code=303)
        secure = app.settings.console.secure_cookies
        answer.set_cookie(COOKIE, sessions.open(found), httponly=True, samesite="lax", secure=secure)
        return answer

    def logout(request: Request, mark: Field = "") -> Response:
        check(request, mark)
        note(request, "logout", "")
        sessions.close(session_cookie(request))
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    def cancel(request: Request, job_id: str, mark: Field = "") -> Response:
        check(request, mark)
        need(request, Role.OPERATE)
        the_app(request).jobs.cancel(job_id)
        note(request, "job.cancel", job_id)
        return RedirectResponse(f"/jobs/{job_id}", status_code=303)

    def redrive(request: Request, account: str, region: str, name: str, mark: Field = "") -> Response:
        check(request, mark)
        need(request, Role.OPERATE)
        app = the_app(request)
        queue = app.queues.open(name, account_id=account, region=region)
        job_id = redriving.start(app.queues, app.jobs, queue)
        note(request, "queue.redrive", queue.arn)
        return RedirectResponse(f"/jobs/{job_id}", status_code=303)

    add_steering(site, check, note)
    site.add_api_route("/queues/{account}/{region}/{name}/redrive", redrive, methods=["POST"], include_in_schema=False)
    site.add_api_route("/login", login_page, include_in_schema=False)
    site.add_api_route("/login", login, methods=["POST"], include_in_schema=False)
    site.add_api_route("/logout", logout, methods=["POST"], include_in_schema=False)
    site.add_api_route("/jobs/{job_id}/cancel", cancel, methods=["POST"], include_in_schema=False)


def _ours(target: str) -> str:
    """Only our own pages: no scheme, no other host, nothing that a browser would read as one."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if plain else "/"
