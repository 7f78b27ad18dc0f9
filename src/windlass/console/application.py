"""The ASGI application: the API, the pages and the static files. Every page has a JSON twin at its path plus `.json`."""

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

from windlass.api.application import as_windlass_error, create_api
from windlass.api.authenticator import Authenticator
from windlass.api.middleware import SecurityMiddleware
from windlass.api.parameters import declare_parameters
from windlass.api.problems import problem, status_of
from windlass.api.sessions import Sessions
from windlass.app import App
from windlass.console import views
from windlass.console.event_stream import EtagFeed, stream
from windlass.console.login_routes import add_login_routes
from windlass.console.page_context import PageContext
from windlass.console.page_renderer import PageRenderer, page_context
from windlass.core.canonical import plain
from windlass.core.errors import WindlassError

__all__ = ["PAGES", "create_app"]

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A page of the console. `label` is its name in the navigation, empty for a page that is not listed there."""

    path: str
    template: str
    title: str
    view: Callable[[PageContext, views.Params], dict[str, Any]]
    label: str = ""
    icon: str = ""
    parameters: tuple[str, ...] = ()  # the query parameters that it accepts


_FILTERS = ("type", "account", "region", "owner", "tag:", "where", "q", "at", "deleted", "sort", "cursor")

PAGES: tuple[PageRoute, ...] = (
    PageRoute("/", "overview.html", "Overview", views.overview, "Overview", "helm"),
    PageRoute("/inventory", "inventory.html", "Inventory", views.inventory, "Inventory", "crate", (*_FILTERS, "col")),
    PageRoute(
        "/changes",
        "changes.html",
        "Changes",
        views.changes,
        "Changes",
        "tide",
        (*_FILTERS, "since", "until", "kind", "actor"),
    ),
    PageRoute(
        "/checks",
        "checks.html",
        "Checks",
        views.checks,
        "Checks",
        "shield",
        ("severity", "account", "owner", "check", "status"),
    ),
    PageRoute("/alerts", "alerts.html", "Alerts", views.alerts, "Alerts", "bell", ("rule", "status")),
    PageRoute("/hosts", "hosts.html", "Hosts", views.hosts, "Hosts", "host", ("q", "package", "below")),
    PageRoute("/clients", "clients.html", "Clients", views.clients, "Clients", "key", ("rule",)),
    PageRoute("/accounts", "accounts.html", "Accounts", views.accounts, "Accounts", "flag"),
    PageRoute("/memcached", "memcached.html", "Memcached", views.memcached, "Memcached", "ring"),
    PageRoute("/osquery", "osquery.html", "osquery", views.osquery, "osquery", "lens"),
    PageRoute("/queues", "queues.html", "Queues", views.queues, "Queues", "queue"),
    PageRoute("/pipelines", "pipelines.html", "Pipelines", views.pipelines, "Pipelines", "pipe"),
    PageRoute("/aggregation", "aggregation.html", "Aggregation", views.aggregation, "Aggregation", "funnel"),
    PageRoute("/replication", "replication.html", "Replication", views.replication, "Replication", "twins", ("set",)),
    PageRoute("/jobs", "jobs.html", "Jobs", views.jobs, "Jobs", "gear", ("status",)),
    PageRoute("/queues/{account}/{region}/{name}", "queue.html", "Queue", views.queue),
    PageRoute(
        "/inventory/resource",
        "resource.html",
        "Resource",
        views.resource,
        parameters=("ref", "rev", "at", "from", "map"),
    ),
    PageRoute("/hosts/{host}", "host.html", "Host", views.host, parameters=("at",)),
    PageRoute(
        "/inventory/dependents",
        "dependents.html",
        "Dependents",
        views.dependents,
        parameters=("ref", "mentions"),
    ),
    PageRoute(
        "/memcached/{account}/{region}/{name}",
        "cluster.html",
        "Memcached cluster",
        views.cluster,
        parameters=("to", "step"),
    ),
    PageRoute("/replication/{seed_id}", "seed.html", "Seed", views.seed),
    PageRoute("/osquery/queries/{query_id}", "live_query.html", "Live query", views.live_query),
    PageRoute("/jobs/{job_id}", "job.html", "Job", views.job),
    PageRoute("/patterns", "patterns.html", "Patterns", views.patterns),
)


def create_app(app: App, *, host: str = "127.0.0.1") -> Any:
    """Build the ASGI application of the console and the API. `host` is the bind address: it decides who has to log in."""
    site = create_api(app)
    sessions, authenticator = Sessions(), Authenticator(lambda: app.store)
    renderer = PageRenderer(_HERE / "templates", PAGES, sessions)
    site.state.renderer = renderer
    site.state.page_context = PageContext(app)
    site.state.etag_feed = EtagFeed(site.state.page_context)
    for page in PAGES:
        _add_page(site, page, renderer)
    add_login_routes(site, sessions, authenticator, renderer)
    declare_parameters(site.state, "/inventory/export.{kind}", _FILTERS)
    declare_parameters(site.state, "/live", ("topics",))
    site.add_api_route("/docs", _docs, include_in_schema=False)
    site.add_api_route("/inventory/export.{kind}", _export, include_in_schema=False)
    site.add_api_route("/live", stream, include_in_schema=False)
    site.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    for error_type in (WindlassError, RequestValidationError, HTTPException, Exception):
        site.add_exception_handler(error_type, _render_error)
    return SecurityMiddleware(site, app=app, host=host, sessions=sessions, authenticator=authenticator)


def _params(request: Request) -> dict[str, list[str]]:
    params: dict[str, list[str]] = {}
    for key, value in request.query_params.multi_items():
        params.setdefault(key, []).append(value)
    for key, value in request.path_params.items():
        params[key] = [str(value)]
    return params


def _add_page(site: FastAPI, page: PageRoute, renderer: PageRenderer) -> None:
    def html(request: Request) -> Response:
        return renderer.render(request, page.template, page.title, page.view(page_context(request), _params(request)))

    def json_twin(request: Request) -> Response:
        return JSONResponse(plain(page.view(page_context(request), _params(request))))

    twin_path = "/overview.json" if page.path == "/" else f"{page.path}.json"
    # The twin first: `/jobs/{job_id}` would match `/jobs/x.json` too.
    for path in (twin_path, page.path):
        declare_parameters(site.state, path, page.parameters)
    site.add_api_route(twin_path, json_twin, include_in_schema=False)
    site.add_api_route(page.path, html, include_in_schema=False)


def _export(request: Request, kind: Literal["csv", "jsonl"]) -> Response:
    lines = views.export(page_context(request), _params(request), kind)
    media = "text/csv" if kind == "csv" else "application/x-ndjson"
    headers = {"content-disposition": f"attachment; filename=inventory.{kind}"}
    return StreamingResponse(lines, media_type=media, headers=headers)


def _docs(request: Request) -> Response:
    routes = [
        {
            "path": path,
            "method": method.upper(),
            "summary": operation.get("summary", ""),
            "about": operation.get("description", ""),
            "parameters": [
                {"name": parameter["name"], "required": parameter.get("required", False)}
                for parameter in operation.get("parameters", [])
            ],
        }
        for path, methods in request.app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    renderer: PageRenderer = request.app.state.renderer
    return renderer.render(request, "docs.html", "API", {"routes": routes})


async def _render_error(request: Request, error: Exception) -> Response:
    cause = as_windlass_error(request, error)
    status = error.status_code if isinstance(error, HTTPException) else status_of(cause)
    wants_json = "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/v1")
    if wants_json:
        return problem(cause, status)
    renderer: PageRenderer = request.app.state.renderer
    return renderer.render_error(request, cause, status)
