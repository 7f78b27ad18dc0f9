"""`/v1`: what the pages show, as JSON. Each route parses, calls one service function, gives rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from windlass.api.auth import Role
from windlass.app import App
from windlass.core import clock
from windlass.core.canonical import digest, plain
from windlass.core.clock import parse_when
from windlass.core.errors import AccessDenied
from windlass.inventory import rows
from windlass.inventory.filters import parse_query
from windlass.inventory.model import ChangeKind
from windlass.inventory.model import Query as ResourceQuery
from windlass.jobs.model import Job, JobStatus

__all__ = ["TheApp", "configured_accounts", "job_value", "need", "the_app", "v1"]

v1 = APIRouter(prefix="/v1")


def the_app(request: Request) -> App:
    """The composition root behind this request."""
    app: App = request.app.state.windlass
    return app


def configured_accounts(app: App) -> list[str]:
    """Accounts that windlass.toml names, whether anything of theirs is collected or not."""
    estate = app.settings.estate
    return [*(account.id for account in estate.accounts), *estate.allowed_accounts]


def need(request: Request, role: Role) -> None:
    """AccessDenied unless the request's role reaches `role`."""
    if request.scope.get("role", Role.NOBODY) < role:
        raise AccessDenied(f"this needs the role {role.name.lower()}", hint="Use a token with that role.")


TheApp = Annotated[App, Depends(the_app)]
Many = Annotated[list[str], Query()]


def query_of(
    app: TheApp,
    type: Many = [],  # noqa: A002, B006  the parameter's public name; FastAPI copies defaults
    where: Many = [],  # noqa: B006
    q: str = "",
    at: str = "",
    deleted: bool = False,
    sort: str = "key",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str = "",
) -> ResourceQuery:
    """The query parameters that listings share."""
    query = parse_query(
        type, where, words=q, at=at, deleted=deleted, sort=sort, limit=limit, cursor=cursor, now=clock.now()
    )
    app.inventory.check(query, account_ids=configured_accounts(app))
    return query


Asked = Annotated[ResourceQuery, Depends(query_of)]


@v1.get("/resources", summary="List resources")
def resources(app: TheApp, query: Asked) -> dict[str, Any]:
    """A page of resources; `cursor` leads to the next one."""
    page = app.inventory.list(query)
    return {"items": plain([rows.resource_row(one) for one in page.rows]), "cursor": page.cursor, "total": page.total}


@v1.get("/facets", summary="Count matching resources by type, account, region, team and environment")
def facets(app: TheApp, query: Asked) -> dict[str, Any]:
    """Each facet counts what the other conditions let through."""
    return {name: {one.value: one.count for one in found} for name, found in app.inventory.facets(query).items()}


@v1.get("/resource", summary="One resource with its document and relations")
def resource(app: TheApp, request: Request, ref: str, at: str = "") -> Response:
    """By ARN, id, name or #number, now or at a time; with an ETag."""
    moment = parse_when(at, at=clock.now()) if at else None
    found = app.inventory.show(ref, at=moment)
    relations = [rows.relation_row(one) for one in app.inventory.relations(found.key, at=moment)]
    body = plain(
        rows.resource_row(found)
        | {"document": found.document, "measures": dict(found.measures), "relations": relations}
    )
    etag = f'"{digest(body)}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    from fastapi.responses import JSONResponse

    return JSONResponse(body, headers={"etag": etag})


@v1.get("/resource/history", summary="Every change of one resource, newest first")
def history(app: TheApp, ref: str, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[dict[str, Any]]:
    """Revisions with their JSON Patch."""
    return [plain(rows.revision_row(one)) for one in app.inventory.history(ref, limit=limit)]


@v1.get("/resource/graph", summary="Resources and relations around one")
def graph(app: TheApp, ref: str, depth: Annotated[int, Query(ge=1, le=6)] = 2) -> dict[str, Any]:
    """Nodes and edges within `depth` relations."""
    found = app.inventory.graph(ref, depth=depth)
    return {
        "root": found.root,
        "nodes": plain([rows.resource_row(one) for one in found.nodes]),
        "edges": [rows.relation_row(one) for one in found.edges],
        "truncated": found.truncated,
    }


@v1.get("/changes", summary="The estate's changes, newest first")
def changes(
    app: TheApp,
    query: Asked,
    since: str = "7d",
    kind: Annotated[list[ChangeKind], Query()] = [],  # noqa: B006
) -> dict[str, Any]:
    """Revisions with their JSON Patch; `cursor` leads to the next page."""
    kinds = tuple(kind)
    found, cursor = app.inventory.changes(
        since=parse_when(since, at=clock.now()), query=query, kinds=kinds, limit=query.limit, cursor=query.cursor
    )
    return {"items": [plain(rows.revision_row(one)) for one in found], "cursor": cursor}


@v1.get("/diff", summary="The net difference of the estate between two times")
def diff(app: TheApp, query: Asked, since: str = "7d", until: str = "now") -> list[dict[str, Any]]:
    """What came and went in between leaves no trace."""
    now = clock.now()
    return [
        rows.difference_row(one)
        for one in app.inventory.diff(parse_when(since, at=now), parse_when(until, at=now), query)
    ]


@v1.get("/stats", summary="Counts by type, account, region and day")
def stats(app: TheApp) -> dict[str, Any]:
    """As the overview shows them."""
    return rows.stats_value(app.inventory.stats())


@v1.get("/types", summary="The resource types that are collected")
def types(app: TheApp) -> list[dict[str, Any]]:
    """With how many of each are there."""
    return [rows.type_row(one) for one in app.inventory.types()]


@v1.get("/scopes", summary="Every scope's last visit")
def scopes(app: TheApp) -> list[dict[str, Any]]:
    """Those with trouble first."""
    return [plain(rows.status_row(one)) for one in app.inventory.scopes()]


@v1.get("/runs", summary="Collections, newest first")
def runs(app: TheApp, limit: Annotated[int, Query(ge=1, le=500)] = 20) -> list[dict[str, Any]]:
    """With their counts."""
    return [plain(rows.run_row(one)) for one in app.inventory.runs(limit)]


@v1.get("/ip/{address}", summary="Who holds or held an IP address")
def ip(app: TheApp, address: str, at: str = "") -> list[dict[str, Any]]:
    """The latest holder first."""
    moment = parse_when(at, at=clock.now()) if at else None
    return [plain(rows.holder_row(one)) for one in app.inventory.ip(address, at=moment)]


@v1.get("/accounts", summary="Identity and accounts")
def accounts(app: TheApp) -> dict[str, Any]:
    """The credential chain as decided, and who that makes us."""
    return asdict(app.estate.whoami())


def job_value(job: Job) -> dict[str, Any]:
    """A job as JSON."""
    found: dict[str, Any] = plain(
        asdict(job) | {"fraction": job.fraction, "eta_s": job.eta_s, "duration_s": job.duration_s}
    )
    return found


@v1.get("/jobs", summary="Jobs, newest first")
def jobs(
    app: TheApp, status: JobStatus | None = None, kind: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """With progress and error."""
    return [job_value(one) for one in app.jobs.list(status=status, kind=kind, limit=limit)]


@v1.get("/jobs/{job_id}", summary="One job")
def job(app: TheApp, job_id: str) -> dict[str, Any]:
    """With its log."""
    log: Iterator[Any] = iter(app.jobs.log(job_id))
    return job_value(app.jobs.get(job_id)) | {"log": [plain(asdict(entry)) for entry in log]}
