"""What every way to log in shares: the session's cookie, the page to go on to, whether the browser speaks HTTPS."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from windlass.api.auth import is_trusted
from windlass.api.routes import the_app
from windlass.api.sessions import COOKIE, SESSION_S, Login, Sessions
from windlass.api.tokens import audit
from windlass.core import clock

__all__ = ["is_https", "open_session", "own_page"]


def open_session(
    request: Request, sessions: Sessions, login: Login, target: str, *, lasts_s: float = SESSION_S
) -> Response:
    """A redirect to `target` with a new session's cookie; the login stands in the audit trail."""
    app = the_app(request)
    audit(
        app.store,
        actor=login.actor,
        action="login",
        target=login.token_id or login.actor,
        detail=f"{login.role.name.lower()} from {request.scope['address']}",
        now=clock.now(),
    )
    answer = RedirectResponse(own_page(target), status_code=303)
    answer.set_cookie(
        COOKIE, sessions.open(login, lasts_s=lasts_s), httponly=True, samesite="lax", secure=is_https(request)
    )
    return answer


def own_page(target: str) -> str:
    """`target` when it is a page of ours, else the overview: no scheme, no other host, nothing a browser reads as one."""
    ours = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if ours else "/"


def is_https(request: Request) -> bool:
    """Whether the browser's side of the connection is HTTPS: by configuration, by itself, or as a trusted proxy says."""
    console = the_app(request).settings.console
    if console.secure_cookies or request.url.scheme == "https":
        return True
    peer = request.client.host if request.client else ""
    last = request.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    return last == "https" and is_trusted(peer, console.trusted_proxies)
