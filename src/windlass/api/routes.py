"""`/v1`: the data of the pages as JSON. Each route parses its parameters, calls one service function and returns rows."""

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

__all__ = ["AppDep", "app_of", "configured_accounts", "job_json", "require_role", "v1"]

v1 = APIRouter(prefix="/v1")


def app_of(request: Request) -> App:
    """Return the composition root of the application that answers this request."""
    app: App = request.app.state.windlass
    return app


def configured_accounts(app: App) -> list[str]:
    """Return the account IDs of windlass.toml, collected or not."""
    estate = app.settings.estate
    return [*(account.id for account in estate.accounts), *estate.allowed_accounts]


def require_role(request: Request, role: Role) -> None:
    """Raise AccessDenied unless the request has `role` or a higher one."""
    if request.scope.get("role", Role.NOBODY) < role:
        raise AccessDenied(f"this needs the role {role.name.lower()}", hint="Use a token with that role.")


AppDep = Annotated[App, Depends(app_of)]
Many = Annotated[list[str], Query()]


def query_of(
    app: AppDep,
    type: Many = [],  # noqa: A002, B006  the parameter's public name; FastAPI copies defaults
    where: Many = [],  # noqa: B006
    q: str = "",
    at: str = "",
    deleted: bool = False,
    sort: str = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str = "",
) -> ResourceQuery:
    """Return the query for the parameters that all listings share. With words in `q`, the best match is first by default."""
    order = sort or ("relevance" if q else "key")
    query = parse_query(
        type, where, words=q, at=at, deleted=deleted, sort=order, limit=limit, cursor=cursor, now=clock.now()
    )
    app.inventory.check(query, account_ids=configured_accounts(app))
    return query


QueryDep = Annotated[ResourceQuery, Depends(query_of)]


@v1.get("/resources", summary="List resources")
def resources(app: AppDep, query: QueryDep) -> dict[str, Any]:
    """One page of resources; `cursor` gets the next one."""
    page = app.inventory.list(query)
    return {
        "items": plain([rows.resource_row(resource) for resource in page.rows]),
        "cursor": page.cursor,
        "total": page.total,
    }


@v1.get("/facets", summary="Count matching resources by type, account, region, team and environment")
def facets(app: AppDep, query: QueryDep) -> dict[str, Any]:
    """Each facet counts the resources that match all other conditions."""
    return {
        name: {facet.value: facet.count for facet in facets} for name, facets in app.inventory.facets(query).items()
    }


@v1.get("/resource", summary="One resource with its document and relations")
def resource(app: AppDep, request: Request, ref: str, at: str = "") -> Response:
    """By ARN, ID, name or #number, now or at a time. The response has an ETag."""
    moment = parse_when(at, at=clock.now()) if at else None
    details = app.inventory.show(ref, at=moment)
    relations = [rows.relation_row(relation) for relation in app.inventory.relations(details.key, at=moment)]
    body = plain(
        rows.resource_row(details)
        | {"document": details.document, "measures": dict(details.measures), "relations": relations}
    )
    etag = f'"{digest(body)}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    from fastapi.responses import JSONResponse

    return JSONResponse(body, headers={"etag": etag})


@v1.get("/resource/history", summary="All changes of one resource, the newest first")
def history(app: AppDep, ref: str, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[dict[str, Any]]:
    """Revisions with their JSON Patch."""
    return [plain(rows.revision_row(revision)) for revision in app.inventory.history(ref, limit=limit)]


@v1.get("/resource/graph", summary="Resources and relations around one resource")
def graph(app: AppDep, ref: str, depth: Annotated[int, Query(ge=1, le=6)] = 2) -> dict[str, Any]:
    """Nodes and edges within `depth` relations."""
    graph_ = app.inventory.graph(ref, depth=depth)
    return {
        "root": graph_.root,
        "nodes": plain([rows.resource_row(node) for node in graph_.nodes]),
        "edges": [rows.relation_row(relation) for relation in graph_.edges],
        "truncated": graph_.truncated,
    }


@v1.get("/resource/dependents", summary="What would break without a resource")
def dependents(
    app: AppDep,
    ref: str,
    depth: Annotated[int, Query(ge=1, le=12)] = 6,
    mentions: bool = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> dict[str, Any]:
    """Everything that depends on it, directly or through others, the nearest first; `mentions` adds documents that mention it."""
    dependents = app.inventory.dependents(ref, depth=depth, limit=limit, mentions=mentions)
    return {
        "root": dependents.root.key,
        "items": [plain(rows.dependent_row(item)) for item in dependents.resources],
        "truncated": dependents.truncated,
    }


@v1.get("/changes", summary="Changes of all resources, the newest first")
def changes(
    app: AppDep,
    query: QueryDep,
    since: str = "7d",
    kind: Annotated[list[ChangeKind], Query()] = [],  # noqa: B006
    actor: str = "",
) -> dict[str, Any]:
    """Revisions with their JSON Patch and who made them; `actor` is a part of an ARN, `cursor` gets the next page."""
    kinds = tuple(kind)
    revisions, cursor = app.inventory.changes(
        since=parse_when(since, at=clock.now()),
        query=query,
        kinds=kinds,
        actor=actor,
        limit=query.limit,
        cursor=query.cursor,
    )
    return {"items": [plain(rows.revision_row(revision)) for revision in revisions], "cursor": cursor}


@v1.get("/diff", summary="Net difference between two times")
def diff(app: AppDep, query: QueryDep, since: str = "7d", until: str = "now") -> list[dict[str, Any]]:
    """Resources that were created and deleted in between do not appear."""
    now = clock.now()
    return [
        rows.difference_row(difference)
        for difference in app.inventory.diff(parse_when(since, at=now), parse_when(until, at=now), query)
    ]


@v1.get("/owners", summary="Owners with the numbers of their resources")
def owners(app: AppDep) -> dict[str, Any]:
    """The largest first; the last item, with an empty owner, counts the resources that nobody owns."""
    return {"items": [rows.owner_row(count) for count in app.inventory.owners.counts()]}


@v1.get("/resource/owner", summary="Who owns a resource, and why")
def resource_owner(app: AppDep, ref: str) -> dict[str, Any]:
    """The owner, and what every source of `[owners]` says, in the order of precedence."""
    explanation = app.inventory.owners.explain(ref)
    return {
        "resource": explanation.resource.key,
        "owner": explanation.ownership.owner,
        "why": explanation.ownership.why,
        "sources": rows.explanation_rows(explanation),
    }


@v1.get("/stats", summary="Counts by type, account, region and day")
def stats(app: AppDep) -> dict[str, Any]:
    """The counts of the overview page."""
    return rows.stats_value(app.inventory.stats())


@v1.get("/types", summary="The resource types that are collected")
def types(app: AppDep) -> list[dict[str, Any]]:
    """Each with the number of its resources."""
    return [rows.type_row(resource_type) for resource_type in app.inventory.types()]


@v1.get("/scopes", summary="Last read of every scope")
def scopes(app: AppDep) -> list[dict[str, Any]]:
    """Failed scopes first."""
    return [plain(rows.status_row(status)) for status in app.inventory.scopes()]


@v1.get("/runs", summary="Collections, the newest first")
def runs(app: AppDep, limit: Annotated[int, Query(ge=1, le=500)] = 20) -> list[dict[str, Any]]:
    """Each with its counts."""
    return [plain(rows.run_row(run)) for run in app.inventory.runs(limit)]


@v1.get("/ip/{address}", summary="Resources that have or had an IP address")
def ip(app: AppDep, address: str, at: str = "") -> list[dict[str, Any]]:
    """The latest one first."""
    moment = parse_when(at, at=clock.now()) if at else None
    return [plain(rows.holder_row(holder)) for holder in app.inventory.ip(address, at=moment)]


@v1.get("/accounts", summary="Identity and accounts")
def accounts(app: AppDep) -> dict[str, Any]:
    """The credential source in use, and the identity in every account."""
    return asdict(app.estate.whoami())


def job_json(job: Job) -> dict[str, Any]:
    """A job as JSON."""
    document: dict[str, Any] = plain(
        asdict(job) | {"fraction": job.fraction, "eta_s": job.eta_s, "duration_s": job.duration_s}
    )
    return document


@v1.get("/jobs", summary="Jobs, the newest first")
def jobs(
    app: AppDep, status: JobStatus | None = None, kind: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """Each with its progress and error."""
    return [job_json(job) for job in app.jobs.list(status=status, kind=kind, limit=limit)]


@v1.get("/jobs/{job_id}", summary="One job")
def job(app: AppDep, job_id: str) -> dict[str, Any]:
    """With its log."""
    log: Iterator[Any] = iter(app.jobs.log(job_id))
    return job_json(app.jobs.get(job_id)) | {"log": [plain(asdict(entry)) for entry in log]}
