"""Aggregation: every rule's keys as they stand, and their windows over the last half hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from windlass.aggregation.rows import item_row, rule_row, window_row
from windlass.aggregation.timeline import Window
from windlass.console.desk import Desk
from windlass.console.views.links import Data, Params
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import format_time, parse_time
from windlass.core.errors import WindlassError

__all__ = ["aggregation"]

_SPAN = timedelta(minutes=30)
_LANES = 12


def aggregation(desk: Desk, _: Params) -> Data:
    """Rules, keys with something uncovered first, windows."""
    service = desk.app.aggregation
    now = clock.now()
    windows = service.windows(within_s=_SPAN.total_seconds(), limit=1000)
    rules = []
    for config in service.configs:
        mine = [one for one in windows if one.rule == config.name]
        done = [one for one in mine if one.outcome in ("done", "started")]
        row: dict[str, Any] = {
            "actions": len(done),
            "covered": sum(one.summary.events for one in done),
            "failed": sum(one.outcome == "failed" for one in mine),
            "keys": [],
            "error": "",
            "more": 0,
        }
        try:
            keys = [plain(item_row(one, config)) for one in service.items(config.name)]
            row |= rule_row(config, service.paused(config.name)) | {"keys": keys[:50], "more": max(0, len(keys) - 50)}
        except WindlassError as error:  # its table can't be reached: the others can be shown all the same
            row |= rule_row(config, paused=False) | {"error": error.message}
        rules.append(row)
    lanes = _lanes(windows)
    return {
        "rules": rules,
        "windows": [plain(window_row(one)) for one in windows[:20]],
        "lanes": lanes,
        "start": format_time(max(now - _SPAN, _first(windows, now))),
        "end": format_time(now),
        "cli": "windlass aggregate status",
    }


def _first(windows: Sequence[Window], now: datetime) -> datetime:
    """The picture begins at the first window, or five minutes ago: an empty left half says nothing."""
    return min([_began(one) for one in windows] + [now - timedelta(minutes=5)])


def _began(one: Window) -> datetime:
    return min(parse_time(one.summary.first_at), one.started_at) if one.summary.first_at else one.started_at


def _lanes(windows: Sequence[Window]) -> list[dict[str, Any]]:
    """The keys with the latest windows, each with its windows in order of time; times as text, as JSON has them."""
    lanes: dict[tuple[str, str], list[Window]] = {}
    for one in windows:
        lanes.setdefault((one.rule, one.key), []).append(one)
    return [
        {
            "name": key,
            "rule": rule,
            "windows": [
                {
                    "first_at": format_time(_began(one)),
                    "started_at": format_time(one.started_at),
                    "ended_at": format_time(one.ended_at) if one.ended_at else None,
                    "outcome": one.outcome,
                    "events": one.summary.events,
                    "reason": one.reason,
                }
                for one in reversed(mine)
            ],
        }
        for (rule, key), mine in list(lanes.items())[:_LANES]
    ]
