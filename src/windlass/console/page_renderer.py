"""The template environment, and pages rendered from templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from windlass import __version__
from windlass.api.auth import Role
from windlass.api.sessions import Sessions, session_cookie
from windlass.console import charts
from windlass.console.event_stream import current_etags
from windlass.console.forms import action_url, is_allowed
from windlass.console.page_context import PageContext
from windlass.core import clock
from windlass.core.clock import parse_time
from windlass.core.errors import WindlassError
from windlass.core.units import format_bytes, format_count, format_duration
from windlass.present.times import ago

__all__ = ["PageRenderer", "page_context"]


def page_context(request: Request) -> PageContext:
    """The page context of the console that answers this request."""
    context: PageContext = request.app.state.page_context
    return context


class PageRenderer:
    """Renders templates as responses. `navigation` are the pages that the navigation lists."""

    def __init__(self, folder: Path, navigation: Any, sessions: Sessions) -> None:
        self._sessions = sessions
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "count": format_count,
            "bytes": format_bytes,
            "duration": format_duration,
            "ago": lambda text: ago(parse_time(text), clock.now()) if text else "",
            "moment": lambda text: parse_time(text).strftime("%Y-%m-%d %H:%M:%S UTC") if text else "",
            "plural": plural,
        }
        self._templates.globals |= {
            "charts": charts,
            "pages": navigation,
            "version": __version__,
            "action_url": action_url,
        }

    def render(
        self, request: Request, template: str, title: str, data: dict[str, Any], *, status: int = 200
    ) -> Response:
        """Render a template with the data of the page and of every page: path, actor, permissions, CSRF token."""
        role = request.scope.get("role", Role.NOBODY)
        text = self._templates.get_template(template).render(
            **data,
            title=title,
            path=request.url.path,
            query=str(request.query_params),
            actor=request.scope.get("actor", ""),
            logged_in=request.scope.get("logged_in", False),
            is_allowed=lambda action: is_allowed(role, action),
            current_etags=lambda topics: current_etags(page_context(request), topics),
            csrf_token=self._sessions.csrf_token(session_cookie(request)),
        )
        return Response(text, status_code=status, media_type="text/html", headers={"cache-control": "no-cache"})

    def render_error(self, request: Request, error: WindlassError, status: int) -> Response:
        """Render the error page: what happened and what to do."""
        data = {"message": error.message, "hint": error.hint, "status": status}
        return self.render(request, "error.html", "Error", data, status=status)


def plural(count: float, singular: str, many: str = "") -> str:
    """`1 bucket`, `2 buckets`."""
    return f"{count:,} {singular if count == 1 else many or singular + 's'}"
