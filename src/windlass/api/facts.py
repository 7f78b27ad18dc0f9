"""`/v1/facts`, `/v1/hosts` and `/v1/packages`: what runs inside hosts, from agents and other collectors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from windlass.api.auth import Role, may_report
from windlass.api.routes import AppDep, Many
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import parse_when
from windlass.core.errors import AccessDenied
from windlass.facts.model import HostIdentity, Outcome, Report, Section, SectionDelta
from windlass.facts.packages import PackageQuery
from windlass.facts.rows import change_row, host_row, missing_row, package_row, result_row, section_row

__all__ = ["require_reporter", "router"]

router = APIRouter(prefix="/v1")

Row = dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SectionBody(_Body):
    """A section: all of its `rows`; or what was `added` and `removed`; or the `failure` that kept it from being read."""

    rows: list[Row] | None = Field(None, max_length=100_000)
    added: list[Row] | None = Field(None, max_length=100_000)
    removed: list[Row] | None = Field(None, max_length=100_000)
    failure: str = Field("", max_length=2000)

    @model_validator(mode="after")
    def _is_one_of_three(self) -> SectionBody:
        forms = (self.rows is not None, self.added is not None or self.removed is not None, bool(self.failure))
        if sum(forms) != 1:
            raise ValueError("give either rows, or added and removed, or failure")
        return self

    def section(self, name: str) -> Section | SectionDelta:
        """Return the section of the model."""
        if self.added is not None or self.removed is not None:
            return SectionDelta(name, tuple(self.added or ()), tuple(self.removed or ()))
        return Section(name, tuple(self.rows or ()), self.failure)


class ReportBody(_Body):
    """What a source observed on one host at one time."""

    host_id: str = Field(min_length=1, max_length=128, description="Instance ID, else the machine's UUID or name.")
    observed_at: datetime = Field(description="When the facts were read: an ISO time with an offset.")
    source: str = Field("agent", pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$", description="Name of the collector.")
    account_id: str = Field("", pattern=r"^(\d{12})?$")
    region: str = Field("", max_length=32)
    name: str = Field("", max_length=255)
    platform: str = Field("", max_length=16, description="linux, darwin or windows.")
    sections: dict[str, SectionBody] = Field(max_length=100)

    def report(self) -> Report:
        """Return the report of the model. UsageError for a malformed host ID."""
        members = {name: getattr(self, name) for name in ("host_id", "account_id", "region", "name", "platform")}
        at = self.observed_at if self.observed_at.tzinfo else self.observed_at.replace(tzinfo=UTC)
        sections = tuple(body.section(name) for name, body in self.sections.items())
        return Report(host=HostIdentity(**members), observed_at=at, source=self.source, sections=sections)


class FactsBody(_Body):
    """Reports of hosts."""

    reports: list[ReportBody] = Field(min_length=1, max_length=1000)


class ResultBody(_Body):
    """What became of one section of one report."""

    host_id: str
    section: str
    outcome: Outcome
    added: int
    removed: int
    detail: str


class FactsAnswer(_Body):
    """The results of all sections, and how many changed."""

    changed: int
    results: list[ResultBody]


def require_reporter(request: Request) -> None:
    """Raise AccessDenied unless the request may send facts: with the role report, operate or admin."""
    if not may_report(request.scope.get("role", Role.NOBODY)):
        raise AccessDenied(
            "this needs the role report", hint="`windlass token create --role report` makes a token for agents."
        )


@router.put("/facts", summary="Record facts of hosts", description="Needs the role report, operate or admin.")
def put_facts(app: AppDep, request: Request, body: FactsBody) -> FactsAnswer:
    """Idempotent: a report that comes twice, late or in another order changes nothing. All or none of a body is checked."""
    require_reporter(request)
    results = app.facts.record(report.report() for report in body.reports)
    changed = sum(result.outcome is Outcome.CHANGED for result in results)
    return FactsAnswer(changed=changed, results=[ResultBody(**result_row(result)) for result in results])


@router.get("/facts/missing", summary="What is not known of hosts")
def missing(app: AppDep, section: str = "", silent_s: Annotated[float, Query(ge=0)] = 0) -> dict[str, Any]:
    """Instances without facts, sections that were not read, and hosts that are silent for `silent_s` seconds."""
    return {"items": plain([missing_row(each) for each in app.facts.missing(section=section, silent_s=silent_s)])}


@router.get("/hosts", summary="List hosts")
def hosts(
    app: AppDep, q: str = "", deleted: bool = False, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> dict[str, Any]:
    """The hosts that have facts; `total` counts those beyond `limit`, too."""
    listed = app.facts.hosts(words=q, gone=deleted)
    return {"items": plain([host_row(host) for host in listed[:limit]]), "total": len(listed)}


@router.get("/hosts/{host}", summary="Show a host's sections")
def host(app: AppDep, host: str, section: Many = [], at: str = "", rows: bool = True) -> dict[str, Any]:  # noqa: B006
    """Now or at a time. A section that is not listed was not read then: it is unknown, not empty."""
    moment = parse_when(at, at=clock.now()) if at else None
    sections = app.facts.sections(host, *section, at=moment)
    return plain(host_row(app.facts.host(host)) | {"sections": [section_row(each, rows=rows) for each in sections]})  # type: ignore[no-any-return]


@router.get("/hosts/{host}/changes", summary="List when a host's sections changed")
def changes(app: AppDep, host: str, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """The newest first."""
    return {"items": plain([change_row(change) for change in app.facts.changes(host, limit=limit)])}


@router.get("/packages", summary="Find the hosts that have a package")
def packages(
    app: AppDep,
    name: str,
    below: str = "",
    at_least: str = "",
    version: str = "",
    kind: str = "",
    owner: str = "",
    account: Many = [],  # noqa: B006
    at: str = "",
    match: Literal["with", "without"] = "with",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> dict[str, Any]:
    """With version, owner and since when; `match=without` lists the hosts that do not have it. `unknown` counts the hosts of
    which nobody can say."""
    query = PackageQuery(
        name=name,
        kind=kind,
        below=below,
        at_least=at_least,
        version=version,
        owner=owner,
        accounts=tuple(account),
        at=parse_when(at, at=clock.now()) if at else None,
    )
    if match == "without":
        items = [host_row(each) for each in app.facts.without_package(query)]
    else:
        items = [package_row(each) for each in app.facts.packages(query)]
    unknown = len(app.facts.hosts_with_unknown_packages(kind))
    return {"items": plain(items[:limit]), "total": len(items), "unknown": unknown}
