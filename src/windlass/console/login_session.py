"""Shared parts of logins by token and by OIDC: opening the session, a safe redirect, detecting HTTPS."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from windlass.api.auth import is_trusted
from windlass.api.routes import app_of
from windlass.api.sessions import COOKIE, SESSION_S, Login, Sessions
from windlass.core import clock
from windlass.store.audit_log import audit

__all__ = ["is_https", "open_session", "safe_target"]


def open_session(
    request: Request, sessions: Sessions, login: Login, target: str, *, lasts_s: float = SESSION_S
) -> Response:
    """Redirect to `target` with the cookie of a new session, and record the login in the audit log."""
    audit(
        app_of(request).store,
        actor=login.actor,
        action="login",
        target=login.token_id or login.actor,
        detail=f"{login.role.name.lower()} from {request.scope['address']}",
        now=clock.now(),
    )
    response = RedirectResponse(safe_target(target), status_code=303)
    response.set_cookie(
        COOKIE, sessions.open(login, lasts_s=lasts_s), httponly=True, samesite="lax", secure=is_https(request)
    )
    return response


def safe_target(target: str) -> str:
    """Return `target` when it is a path of this console, else `/`: a redirect never leads to another host."""
    is_path = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_path else "/"


def is_https(request: Request) -> bool:
    """True when the browser uses HTTPS: by configuration, by this connection, or according to a trusted proxy."""
    console = app_of(request).settings.console
    if console.secure_cookies or request.url.scheme == "https":
        return True
    peer = request.client.host if request.client else ""
    protocol = request.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    return protocol == "https" and is_trusted(peer, console.trusted_proxies)
