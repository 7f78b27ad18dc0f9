"""The console's pages on top of the API: one row per page, each with a JSON twin at the same address plus `.json`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.staticfiles import StaticFiles

from windlass import __version__
from windlass.api.application import create_api
from windlass.api.auth import Role
from windlass.api.guard import COOKIE, Guard, Sessions
from windlass.api.routes import need, the_app
from windlass.api.tokens import audit, check_token
from windlass.app import App
from windlass.console import charts, views
from windlass.console.live import fingerprint, stream
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import parse_time
from windlass.core.errors import WindlassError
from windlass.core.units import format_bytes, format_count, format_duration
from windlass.present.times import ago

__all__ = ["PAGES", "create_app"]

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Page:
    """A page: address, template, title, what it shows, and its name in the rail (empty: not there)."""

    path: str
    template: str
    title: str
    view: Callable[[App, Any], dict[str, Any]]
    rail: str = ""
    icon: str = ""


PAGES: tuple[Page, ...] = (
    Page("/", "overview.html", "Overview", views.overview, "Overview", "helm"),
    Page("/inventory", "inventory.html", "Inventory", views.inventory, "Inventory", "crate"),
    Page("/changes", "changes.html", "Changes", views.changes, "Changes", "tide"),
    Page("/accounts", "accounts.html", "Accounts", views.accounts, "Accounts", "flag"),
    Page("/jobs", "jobs.html", "Jobs", views.jobs, "Jobs", "gear"),
    Page("/inventory/resource", "resource.html", "Resource", views.resource),
    Page("/jobs/{job_id}", "job.html", "Job", views.job),
    Page("/patterns", "patterns.html", "Patterns", views.patterns),
)


def create_app(app: App, *, host: str = "127.0.0.1") -> Any:
    """The whole site as an ASGI application, guarded for a bind to `host`."""
    site = create_api(app)
    sessions = Sessions()
    templates = _templates()
    site.state.templates = templates
    for page in PAGES:
        _add_page(site, page, templates)
    _add_session_routes(site, sessions, templates)
    site.add_api_route("/inventory/export.{kind}", _export, include_in_schema=False)
    site.add_api_route("/live", stream, include_in_schema=False)
    site.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    site.add_exception_handler(WindlassError, _show_error)
    return Guard(site, app=app, host=host, sessions=sessions)


def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=select_autoescape(), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "count": format_count,
        "bytes": format_bytes,
        "duration": format_duration,
        "ago": lambda text: ago(parse_time(text), clock.now()) if text else "",
        "moment": lambda text: parse_time(text).strftime("%Y-%m-%d %H:%M:%S UTC") if text else "",
    }
    environment.globals |= {"charts": charts, "pages": PAGES, "version": __version__}
    return environment


def _params(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in request.query_params.multi_items():
        found.setdefault(key, []).append(value)
    for key, value in request.path_params.items():
        found[key] = [str(value)]
    return found


def _add_page(site: FastAPI, page: Page, templates: Environment) -> None:
    def show(request: Request) -> Response:
        data = page.view(the_app(request), _params(request))
        return _html(request, templates, page.template, page.title, data)

    def twin(request: Request) -> Response:
        return JSONResponse(plain(page.view(the_app(request), _params(request))))

    twin_path = "/overview.json" if page.path == "/" else f"{page.path}.json"
    # The twin first: `/jobs/{job_id}` would take `/jobs/x.json` for a job of that name.
    site.add_api_route(twin_path, twin, include_in_schema=False)
    site.add_api_route(page.path, show, include_in_schema=False)


def _export(request: Request, kind: Literal["csv", "jsonl"]) -> Response:
    lines = views.export(the_app(request), _params(request), kind)
    media = "text/csv" if kind == "csv" else "application/x-ndjson"
    headers = {"content-disposition": f"attachment; filename=inventory.{kind}"}
    return StreamingResponse(lines, media_type=media, headers=headers)


def _html(
    request: Request, templates: Environment, template: str, title: str, data: dict[str, Any], status: int = 200
) -> Response:
    text = templates.get_template(template).render(
        **data, title=title, path=request.url.path, query=str(request.query_params),
        role=request.scope.get("role", Role.NOBODY), actor=request.scope.get("actor", ""),
        known=lambda: fingerprint(the_app(request)),
    )  # fmt: skip
    return Response(text, status_code=status, media_type="text/html")


async def _show_error(request: Request, error: Exception) -> Response:
    from windlass.api.guard import problem

    assert isinstance(error, WindlassError)
    if "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/v1"):
        return problem(error)
    data = {"message": error.message, "hint": error.hint, "status": error.http_status}
    return _html(request, request.app.state.templates, "error.html", "Error", data, error.http_status)


def _add_session_routes(site: FastAPI, sessions: Sessions, templates: Environment) -> None:
    def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002  the parameter's public name
        return _html(request, templates, "login.html", "Log in", {"next": _safe(next), "wrong": False})

    def login(request: Request, token: Annotated[str, Form()], next: Annotated[str, Form()] = "/") -> Response:  # noqa: A002
        app = the_app(request)
        found = check_token(app.store, token.strip(), now=clock.now())
        if found is None:
            return _html(request, templates, "login.html", "Log in", {"next": _safe(next), "wrong": True}, 401)
        audit(app.store, actor=f"token:{found.name}", action="login", target=found.token_id, now=clock.now())
        answer = RedirectResponse(_safe(next), status_code=303)
        secure = app.settings.console.secure_cookies
        answer.set_cookie(COOKIE, sessions.open(found), httponly=True, samesite="lax", secure=secure)
        return answer

    def logout(request: Request) -> Response:
        sessions.close(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    def cancel(request: Request, job_id: str) -> Response:
        need(request, Role.OPERATE)
        app = the_app(request)
        app.jobs.cancel(job_id)
        audit(app.store, actor=request.scope["actor"], action="job.cancel", target=job_id, now=clock.now())
        return RedirectResponse(f"/jobs/{job_id}", status_code=303)

    def docs(request: Request) -> Response:
        routes = [
            {"path": path, "method": method.upper(), "summary": about.get("summary", ""),
             "parameters": [one["name"] for one in about.get("parameters", [])]}
            for path, methods in request.app.openapi()["paths"].items() for method, about in methods.items()
        ]  # fmt: skip
        return _html(request, templates, "docs.html", "API", {"routes": routes})

    site.add_api_route("/login", login_page, include_in_schema=False)
    site.add_api_route("/login", login, methods=["POST"], include_in_schema=False)
    site.add_api_route("/logout", logout, methods=["POST"], include_in_schema=False)
    site.add_api_route("/jobs/{job_id}/cancel", cancel, methods=["POST"], include_in_schema=False)
    site.add_api_route("/docs", docs, include_in_schema=False)


def _safe(target: str) -> str:
    """Only our own pages: no scheme, no other host."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"
