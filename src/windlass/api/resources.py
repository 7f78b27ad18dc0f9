"""`POST /v1/resources`: resources that other collectors send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from windlass.api.facts import require_reporter
from windlass.api.routes import AppDep
from windlass.inventory.pushes.model import (
    MAX_ITEMS,
    MAX_NAME_LENGTH,
    MAX_TYPE_LENGTH,
    REGION_PATTERN,
    SOURCE_PATTERN,
    TYPE_PATTERN,
    ItemOutcome,
    Push,
    PushedItem,
    PushScope,
)

__all__ = ["router"]

router = APIRouter(prefix="/v1")

_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ItemBody(_Body):
    """One resource. An ARN as `id` makes it the target of relations by that ARN."""

    id: str = Field(
        min_length=1, max_length=MAX_NAME_LENGTH, pattern=_NO_CONTROLS, description="Unique and stable in the scope."
    )
    name: str = Field("", max_length=MAX_NAME_LENGTH)
    tags: dict[str, str] = Field(default_factory=dict)
    document: dict[str, Any] = Field(default_factory=dict, description="Anything else, at most 256 KiB as JSON.")


class PushBody(_Body):
    """Resources of one scope: source, type, account and region."""

    source: str = Field(pattern=SOURCE_PATTERN, description="Name of the collector.")
    type: str = Field(
        max_length=MAX_TYPE_LENGTH,
        pattern=TYPE_PATTERN,
        description="A type of your own with a dot, such as custom.printer; none that Windlass collects.",
    )
    account_id: str = Field("", pattern=r"^(\d{12})?$")
    region: str = Field("", pattern=REGION_PATTERN, description="A region, a site; empty without one.")
    observed_at: datetime = Field(
        description="When this run of the collector began to read, an ISO time with an offset; the same in all its pushes."
    )
    complete: bool = Field(
        False, description="The run ends with this push: resources of the scope that it did not send are deleted."
    )
    resources: list[ItemBody] = Field(default_factory=list, max_length=MAX_ITEMS)

    @field_validator("observed_at")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def push(self) -> Push:
        """Return the push of the model."""
        return Push(
            scope=PushScope(source=self.source, type=self.type, account_id=self.account_id, region=self.region),
            observed_at=self.observed_at,
            items=tuple(PushedItem(**dict(item)) for item in self.resources),
            complete=self.complete,
        )


class OutcomeBody(_Body):
    """What became of one resource; `detail` says why it was refused."""

    id: str
    outcome: ItemOutcome
    detail: str


class PushAnswer(_Body):
    """The outcome of each resource, and how many have which outcome. `completed` is true when the run has ended."""

    created: int
    updated: int
    unchanged: int
    stale: int
    refused: int
    deleted: int
    completed: bool
    results: list[OutcomeBody]


@router.post("/resources", summary="Record resources", description="Needs the role report, operate or admin.")
def post_resources(app: AppDep, request: Request, body: PushBody) -> PushAnswer:
    """Idempotent: a push that comes twice, late or in another order changes nothing. Only a completed run deletes."""
    require_reporter(request)
    result = app.pushes.record(body.push())
    counts = {str(outcome): result.count(outcome) for outcome in ItemOutcome}
    results = [OutcomeBody(id=item.id, outcome=item.outcome, detail=item.detail) for item in result.items]
    return PushAnswer(**counts, deleted=result.deleted, completed=result.completed, results=results)
