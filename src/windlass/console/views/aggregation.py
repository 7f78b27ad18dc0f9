"""The Aggregation page: the keys of every rule, and their windows of the last 30 minutes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from windlass.aggregation.rows import item_row, rule_row, window_row
from windlass.aggregation.timeline import Window
from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import format_time, parse_time
from windlass.core.errors import WindlassError

__all__ = ["aggregation"]

CHART_SPAN = timedelta(minutes=30)
CHART_LANES = 12  # more lanes do not fit on a screen
MAX_KEYS = 50


def aggregation(context: PageContext, _: Params) -> Data:
    """Return the rules with their keys (those with uncovered events first) and the latest windows."""
    service = context.app.aggregation
    now = clock.now()
    windows = service.windows(within_s=CHART_SPAN.total_seconds(), limit=1000)
    rules = []
    for config in service.configs:
        of_rule = [window for window in windows if window.rule == config.name]
        acted = [window for window in of_rule if window.outcome in ("done", "started")]
        row: dict[str, Any] = {
            "actions": len(acted),
            "covered": sum(window.summary.events for window in acted),
            "failed": sum(window.outcome == "failed" for window in of_rule),
            "keys": [],
            "error": "",
            "more": 0,
        }
        try:
            keys = [plain(item_row(item, config)) for item in service.items(config.name)]
            row |= rule_row(config, service.paused(config.name)) | {
                "keys": keys[:MAX_KEYS],
                "more": max(0, len(keys) - MAX_KEYS),
            }
        except WindlassError as error:  # the table of this rule does not answer: the page still shows the others
            row |= rule_row(config, paused=False) | {"error": error.message}
        rules.append(row)
    lanes = _lanes(windows)
    return {
        "rules": rules,
        "windows": [plain(window_row(window)) for window in windows[:20]],
        "lanes": lanes,
        "start": format_time(max(now - CHART_SPAN, _first(windows, now))),
        "end": format_time(now),
        "cli": "windlass aggregate status",
    }


def _first(windows: Sequence[Window], now: datetime) -> datetime:
    """The start of the chart: the first window, but at least five minutes ago, so that its left half is not empty."""
    return min([_begin(window) for window in windows] + [now - timedelta(minutes=5)])


def _begin(window: Window) -> datetime:
    if not window.summary.first_at:
        return window.started_at
    return min(parse_time(window.summary.first_at), window.started_at)


def _lanes(windows: Sequence[Window]) -> list[dict[str, Any]]:
    """One lane per key, those with the latest windows first. Windows are in order of time; times are texts, as in JSON."""
    lanes: dict[tuple[str, str], list[Window]] = {}
    for window in windows:
        lanes.setdefault((window.rule, window.key), []).append(window)
    return [
        {
            "name": key,
            "rule": rule,
            "windows": [
                {
                    "first_at": format_time(_begin(window)),
                    "started_at": format_time(window.started_at),
                    "ended_at": format_time(window.ended_at) if window.ended_at else None,
                    "outcome": window.outcome,
                    "events": window.summary.events,
                    "reason": window.reason,
                }
                for window in reversed(of_key)
            ],
        }
        for (rule, key), of_key in list(lanes.items())[:CHART_LANES]
    ]
