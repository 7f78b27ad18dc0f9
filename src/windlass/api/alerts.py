"""`/v1/watch`, `/v1/alerts` and `/v1/deliveries`: the rules, what they recorded, and what was sent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from windlass.api.routes import AppDep
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.watch.rows import alert_row, delivery_row, preview_row, rule_rows, status_of

__all__ = ["router"]

router = APIRouter(prefix="/v1")
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/watch", summary="List watch rules")
def watch_rules(app: AppDep) -> dict[str, Any]:
    """Each rule with the numbers of its deliveries."""
    return {"items": plain(rule_rows(app.watch))}


@router.get("/watch/{name}/test", summary="What a watch rule would have alerted on")
def watch_test(app: AppDep, name: str, since: str = "7d") -> dict[str, Any]:
    """Nothing is recorded or sent."""
    previews = app.watch.preview(name, clock.parse_when(since, at=clock.now()))
    return {"items": plain([preview_row(preview) for preview in previews])}


@router.get("/alerts", summary="List alerts")
def alerts(app: AppDep, rule: str = "", limit: Limit = 100) -> dict[str, Any]:
    """The newest first."""
    return {"items": plain([alert_row(alert) for alert in app.watch.alerts(rule=rule, limit=limit)])}


@router.get("/deliveries", summary="List deliveries of alerts")
def deliveries(app: AppDep, rule: str = "", status: str = "", limit: Limit = 100) -> dict[str, Any]:
    """The newest first, with attempts and errors."""
    chosen = status_of(status) if status else None
    listed = app.watch.deliveries(rule=rule, status=chosen, limit=limit)
    return {"items": plain([delivery_row(delivery) for delivery in listed])}
