"""The console's pages on top of the API: one row per page, each with a JSON twin at the same address plus `.json`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from windlass.api.application import create_api, explained
from windlass.api.guard import Guard
from windlass.api.logins import Logins
from windlass.api.parameters import declare_parameters
from windlass.api.problems import problem, status_of
from windlass.api.sessions import Sessions
from windlass.app import App
from windlass.console import views
from windlass.console.desk import Desk
from windlass.console.live import Pulse, stream
from windlass.console.render import Pages, the_desk
from windlass.console.session import add_forms
from windlass.core.canonical import plain
from windlass.core.errors import WindlassError

__all__ = ["PAGES", "create_app"]

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Page:
    """A page: address, template, title, what it shows, and its name in the rail (empty: not there)."""

    path: str
    template: str
    title: str
    view: Callable[[Desk, views.Params], dict[str, Any]]
    rail: str = ""
    icon: str = ""
    parameters: tuple[str, ...] = ()  # what its address takes after the ?


_FILTERS = ("type", "account", "region", "tag:", "where", "q", "at", "deleted", "sort", "cursor")

PAGES: tuple[Page, ...] = (
    Page("/", "overview.html", "Overview", views.overview, "Overview", "helm"),
    Page("/inventory", "inventory.html", "Inventory", views.inventory, "Inventory", "crate", (*_FILTERS, "col")),
    Page(
        "/changes", "changes.html", "Changes", views.changes, "Changes", "tide", (*_FILTERS, "since", "until", "kind")
    ),
    Page("/clients", "clients.html", "Clients", views.clients, "Clients", "key", ("rule",)),
    Page("/accounts", "accounts.html", "Accounts", views.accounts, "Accounts", "flag"),
    Page("/memcached", "memcached.html", "Memcached", views.memcached, "Memcached", "ring"),
    Page("/queues", "queues.html", "Queues", views.queues, "Queues", "queue"),
    Page("/pipelines", "pipelines.html", "Pipelines", views.pipelines, "Pipelines", "pipe"),
    Page("/aggregation", "aggregation.html", "Aggregation", views.aggregation, "Aggregation", "funnel"),
    Page("/replication", "replication.html", "Replication", views.replication, "Replication", "twins", ("set",)),
    Page("/jobs", "jobs.html", "Jobs", views.jobs, "Jobs", "gear", ("status",)),
    Page("/queues/{account}/{region}/{name}", "queue.html", "Queue", views.queue),
    Page(
        "/inventory/resource",
        "resource.html",
        "Resource",
        views.resource,
        parameters=("ref", "rev", "at", "from", "map"),
    ),
    Page(
        "/memcached/{account}/{region}/{name}",
        "cache.html",
        "Memcached cluster",
        views.cache,
        parameters=("to", "step"),
    ),
    Page("/replication/{seed_id}", "seed.html", "Seed", views.seed),
    Page("/jobs/{job_id}", "job.html", "Job", views.job),
    Page("/patterns", "patterns.html", "Patterns", views.patterns),
)


def create_app(app: App, *, host: str = "127.0.0.1") -> Any:
    """The whole site as an ASGI application, guarded for a bind to `host`."""
    site = create_api(app)
    sessions, logins = Sessions(), Logins(lambda: app.store)
    pages = Pages(_HERE / "templates", PAGES, sessions)
    site.state.pages = pages
    site.state.desk = Desk(app)
    site.state.pulse = Pulse(site.state.desk)
    for page in PAGES:
        _add_page(site, page, pages)
    add_forms(site, sessions, logins, pages)
    declare_parameters(site.state, "/inventory/export.{kind}", _FILTERS)
    declare_parameters(site.state, "/live", ("topics",))
    site.add_api_route("/docs", _docs, include_in_schema=False)
    site.add_api_route("/inventory/export.{kind}", _export, include_in_schema=False)
    site.add_api_route("/live", stream, include_in_schema=False)
    site.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    for kind in (WindlassError, RequestValidationError, HTTPException, Exception):
        site.add_exception_handler(kind, _show_error)
    return Guard(site, app=app, host=host, sessions=sessions, logins=logins)


def _params(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in request.query_params.multi_items():
        found.setdefault(key, []).append(value)
    for key, value in request.path_params.items():
        found[key] = [str(value)]
    return found


def _add_page(site: FastAPI, page: Page, pages: Pages) -> None:
    def show(request: Request) -> Response:
        return pages.show(request, page.template, page.title, page.view(the_desk(request), _params(request)))

    def twin(request: Request) -> Response:
        return JSONResponse(plain(page.view(the_desk(request), _params(request))))

    twin_path = "/overview.json" if page.path == "/" else f"{page.path}.json"
    # The twin first: `/jobs/{job_id}` would take `/jobs/x.json` for a job of that name.
    for path in (twin_path, page.path):
        declare_parameters(site.state, path, page.parameters)
    site.add_api_route(twin_path, twin, include_in_schema=False)
    site.add_api_route(page.path, show, include_in_schema=False)


def _export(request: Request, kind: Literal["csv", "jsonl"]) -> Response:
    lines = views.export(the_desk(request), _params(request), kind)
    media = "text/csv" if kind == "csv" else "application/x-ndjson"
    headers = {"content-disposition": f"attachment; filename=inventory.{kind}"}
    return StreamingResponse(lines, media_type=media, headers=headers)


def _docs(request: Request) -> Response:
    routes = [
        {
            "path": path,
            "method": method.upper(),
            "summary": about.get("summary", ""),
            "about": about.get("description", ""),
            "parameters": [
                {"name": one["name"], "required": one.get("required", False)} for one in about.get("parameters", [])
            ],
        }
        for path, methods in request.app.openapi()["paths"].items()
        for method, about in methods.items()
    ]
    pages: Pages = request.app.state.pages
    return pages.show(request, "docs.html", "API", {"routes": routes})


async def _show_error(request: Request, error: Exception) -> Response:
    found = explained(request, error)
    status = error.status_code if isinstance(error, HTTPException) else status_of(found)
    program = "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/v1")
    if program:
        return problem(found, status)
    pages: Pages = request.app.state.pages
    return pages.show_error(request, found, status)
