"""The FastAPI application: routes, errors as problem+json, metrics and health."""

from __future__ import annotations

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException

from windlass import __version__
from windlass.api.action_routes import add_action_routes
from windlass.api.alerts import router as alerts_router
from windlass.api.checks import router as checks_router
from windlass.api.facts import router as facts_router
from windlass.api.memcached import router as memcached_router
from windlass.api.osquery import router as osquery_router
from windlass.api.parameters import ANY, check_parameters, declare_parameters
from windlass.api.problems import problem
from windlass.api.replication import router as replication_router
from windlass.api.resources import router as resources_router
from windlass.api.routes import app_of, v1
from windlass.api.store_metrics import StoreCollector
from windlass.app import App
from windlass.core.errors import NotFound, UsageError, WindlassError

__all__ = ["as_windlass_error", "create_api"]


def create_api(app: App) -> FastAPI:
    """Build the REST API over the parts of `app`. The console adds its pages to it."""
    # The documentation page of FastAPI loads scripts from a CDN; ours is console/templates/docs.html.
    api = FastAPI(
        title="Windlass",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        dependencies=[Depends(check_parameters)],
    )
    api.state.windlass = app
    api.include_router(v1, tags=["v1"])
    api.include_router(alerts_router, tags=["v1"])
    api.include_router(checks_router, tags=["v1"])
    api.include_router(facts_router, tags=["v1"])
    api.include_router(memcached_router, tags=["v1"])
    api.include_router(osquery_router, tags=["v1"])
    api.include_router(replication_router, tags=["v1"])
    api.include_router(resources_router, tags=["v1"])
    add_action_routes(api)
    for error_type in (WindlassError, RequestValidationError, HTTPException, Exception):
        api.add_exception_handler(error_type, _problem_of)
    for path in ("/healthz", "/readyz", "/metrics"):
        declare_parameters(api.state, path, (ANY,))
    api.add_api_route("/healthz", _alive, include_in_schema=False)
    api.add_api_route("/readyz", _ready, include_in_schema=False)
    api.add_api_route("/metrics", _metrics, include_in_schema=False)
    return api


def as_windlass_error(request: Request, error: Exception) -> WindlassError:
    """Return the WindlassError that describes any exception, with a hint."""
    match error:
        case WindlassError():
            return error
        case RequestValidationError():
            first = error.errors()[0]
            return UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", hint="/docs lists all parameters.")
        case HTTPException(status_code=404):
            return NotFound(f"there is no page or API route at {request.url.path}", hint="/docs lists all routes.")
        case HTTPException():
            return UsageError(
                f"{request.method} {request.url.path}: {error.detail}", hint="/docs lists all routes and their methods."
            )
        case _:
            return WindlassError(
                "Windlass failed to answer this request (internal error)",
                hint="The log of the console has the traceback.",
            )


async def _problem_of(request: Request, error: Exception) -> Response:
    return problem(as_windlass_error(request, error), error.status_code if isinstance(error, HTTPException) else 0)


def _alive() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


def _ready(request: Request) -> PlainTextResponse:
    with app_of(request).store.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return PlainTextResponse("ready\n")


def _metrics(request: Request) -> Response:
    app = app_of(request)
    stored = CollectorRegistry()
    stored.register(StoreCollector(app))
    return Response(app.metrics.render() + generate_latest(stored), media_type="text/plain; version=0.0.4")
