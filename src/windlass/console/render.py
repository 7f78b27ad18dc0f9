"""Templates: their environment, and a page made of one."""

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
from windlass.console.desk import Desk
from windlass.console.forms import action_address, may
from windlass.console.live import known
from windlass.core import clock
from windlass.core.clock import parse_time
from windlass.core.errors import WindlassError
from windlass.core.units import format_bytes, format_count, format_duration
from windlass.present.times import ago

__all__ = ["Pages", "the_desk"]


def the_desk(request: Request) -> Desk:
    """The desk behind this request."""
    desk: Desk = request.app.state.desk
    return desk


class Pages:
    """Renders templates for requests."""

    def __init__(self, folder: Path, rail: Any, sessions: Sessions) -> None:
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
            "pages": rail,
            "version": __version__,
            "action_address": action_address,
        }

    def show(self, request: Request, template: str, title: str, data: dict[str, Any], *, status: int = 200) -> Response:
        """The template with the page's data and what every page has."""
        role = request.scope.get("role", Role.NOBODY)
        text = self._templates.get_template(template).render(
            **data,
            title=title,
            path=request.url.path,
            query=str(request.query_params),
            actor=request.scope.get("actor", ""),
            logged_in=request.scope.get("logged_in", False),
            may=lambda action: may(role, action),
            known=lambda topics: known(the_desk(request), topics),
            form_mark=self._sessions.form_mark(session_cookie(request)),
        )
        return Response(text, status_code=status, media_type="text/html", headers={"cache-control": "no-cache"})

    def show_error(self, request: Request, error: WindlassError, status: int) -> Response:
        """The page that says what happened and what to do."""
        data = {"message": error.message, "hint": error.hint, "status": status}
        return self.show(request, "error.html", "Error", data, status=status)


def plural(count: float, one: str, many: str = "") -> str:
    """`1 bucket`, `2 buckets`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
