"""The FastAPI application: routes, errors as problem+json, metrics and health."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from windlass import __version__
from windlass.api.guard import problem
from windlass.api.routes import the_app, v1
from windlass.app import App
from windlass.core.errors import NotFound, UsageError, WindlassError

__all__ = ["create_api"]


def create_api(app: App) -> FastAPI:
    """The API over the parts of `app`; the console adds its pages to it."""
    # FastAPI's own documentation page loads its script from elsewhere; ours is console/templates/docs.html.
    api = FastAPI(title="Windlass", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    api.state.windlass = app
    api.include_router(v1, tags=["v1"])
    api.add_exception_handler(WindlassError, _refused)
    api.add_exception_handler(RequestValidationError, _malformed)
    api.add_exception_handler(HTTPException, _http)
    api.add_api_route("/healthz", _alive, include_in_schema=False)
    api.add_api_route("/readyz", _ready, include_in_schema=False)
    api.add_api_route("/metrics", _metrics, include_in_schema=False)
    return api


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, WindlassError)
    return problem(error)


async def _malformed(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return problem(UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", hint="See /docs."))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(NotFound(f"there is nothing at {request.url.path}", hint="See /docs."))
    return JSONResponse({"title": error.detail, "status": error.status_code}, status_code=error.status_code)


def _alive() -> PlainTextResponse:
    return PlainTextResponse("ok\n")


def _ready(request: Request) -> PlainTextResponse:
    with the_app(request).store.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return PlainTextResponse("ready\n")


def _metrics(request: Request) -> Response:
    return Response(the_app(request).metrics.render(), media_type="text/plain; version=0.0.4")
