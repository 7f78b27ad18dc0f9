"""Writes dashboards/*.json from the tables below: `python deploy/grafana/build.py` (`make dashboards`).

A panel is a row: title, unit, and (expression, legend) pairs. Gauges of the store are shown by every console alike, hence `max by`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
RATE = "$__rate_interval"

Panel = tuple[str, str, str, list[tuple[str, str]]]  # kind, title, unit, queries


def rate(metric: str, by: str, where: str = "") -> str:
    """The sum of a counter's rates."""
    return f"sum by ({by}) (rate({metric}{where}[{RATE}]))"


def quantile(share: float, metric: str, by: str, where: str = "") -> str:
    """A quantile of a histogram."""
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket{where}[{RATE}])))"


QUEUE = '{queue=~"$queue"}'


def queue_panels() -> list[Panel]:
    """What every consumer shows, whatever its handler is."""
    counters = ("received", "done", "failed", "rejected")
    return [
        (
            "timeseries",
            "Messages",
            "ops",
            [
                (rate(f"windlass_queue_{counter}_total", "queue", QUEUE), f"{{{{queue}}}} {counter}")
                for counter in counters
            ],
        ),
        (
            "timeseries",
            "In hand and running",
            "short",
            [
                (f"sum by (queue) (windlass_queue_{one}{QUEUE})", f"{{{{queue}}}} {one}")
                for one in ("in_flight", "running")
            ],
        ),
        (
            "timeseries",
            "Time of handlers",
            "s",
            [
                (quantile(share, "windlass_queue_handling_seconds", "queue", QUEUE), f"{{{{queue}}}} p{share * 100:g}")
                for share in (0.5, 0.95, 0.99)
            ],
        ),
        (
            "timeseries",
            "Age of messages when their handler started",
            "s",
            [
                (quantile(share, "windlass_queue_age_seconds", "queue", QUEUE), f"{{{{queue}}}} p{share * 100:g}")
                for share in (0.5, 0.95)
            ],
        ),
    ]


DASHBOARDS: dict[str, tuple[str, list[str], list[Panel]]] = {
    "overview": (
        "Overview",
        [],
        [
            ("stat", "Store", "bool_on_off", [("min(windlass_store_up)", "")]),
            ("stat", "Resources", "short", [("sum(max by (account) (windlass_inventory_resources))", "")]),
            (
                "stat",
                "Age of the inventory",
                "s",
                [("time() - max(windlass_inventory_collected_timestamp_seconds)", "")],
            ),
            (
                "stat",
                "Scopes that could not be read",
                "short",
                [
                    (
                        'sum(max by (state) (windlass_inventory_scopes{state=~"denied|throttled|timeout|failed"})) or vector(0)',
                        "",
                    )
                ],
            ),
            (
                "stat",
                "Objects refused by pipelines",
                "short",
                [("sum(max by (pipeline) (windlass_pipeline_refused)) or vector(0)", "")],
            ),
            (
                "stat",
                "Pairs whose seed did not end well",
                "short",
                [('sum(max by (state) (windlass_replication_seeds{state=~"failed|incomplete"})) or vector(0)', "")],
            ),
            (
                "timeseries",
                "Messages done and failed",
                "ops",
                [
                    (rate("windlass_queue_done_total", "queue"), "{{queue}} done"),
                    (rate("windlass_queue_failed_total", "queue"), "{{queue}} failed"),
                ],
            ),
            ("timeseries", "Calls to AWS", "ops", [(rate("windlass_estate_calls_total", "outcome"), "{{outcome}}")]),
            (
                "timeseries",
                "Jobs of the last day",
                "short",
                [("sum by (status) (max by (kind, status) (windlass_jobs))", "{{status}}")],
            ),
            (
                "timeseries",
                "Console: requests",
                "reqps",
                [(rate("windlass_console_requests_total", "status"), "{{status}}")],
            ),
            (
                "timeseries",
                "Console: time of requests",
                "s",
                [
                    (quantile(0.5, "windlass_console_request_seconds", "route"), "{{route}} p50"),
                    (quantile(0.95, "windlass_console_request_seconds", "route"), "{{route}} p95"),
                ],
            ),
        ],
    ),
    "queues": (
        "Queues",
        ["queue"],
        [
            *queue_panels(),
            (
                "timeseries",
                "Handlers that hang, were cut off, or lost their message",
                "short",
                [
                    (f"sum by (queue) (windlass_queue_hung{QUEUE})", "{{queue}} hung"),
                    (rate("windlass_queue_timed_out_total", "queue", QUEUE), "{{queue}} cut off /s"),
                    (rate("windlass_queue_lost_leases_total", "queue", QUEUE), "{{queue}} lost /s"),
                    (rate("windlass_queue_blocked_total", "queue", QUEUE), "{{queue}} blocked the loop /s"),
                ],
            ),
            (
                "timeseries",
                "No handler has ended while all slots are taken",
                "s",
                [(f"max by (queue) (windlass_queue_stalled_seconds{QUEUE})", "{{queue}}")],
            ),
            (
                "timeseries",
                "Receives",
                "ops",
                [
                    (rate("windlass_queue_polls_total", "queue", QUEUE), "{{queue}} all"),
                    (rate("windlass_queue_empty_polls_total", "queue", QUEUE), "{{queue}} empty"),
                    (rate("windlass_queue_failed_polls_total", "queue", QUEUE), "{{queue}} failed"),
                ],
            ),
            (
                "timeseries",
                "Receives on the wire",
                "short",
                [(f"sum by (queue) (windlass_queue_polling{QUEUE})", "{{queue}}")],
            ),
            (
                "timeseries",
                "Deletes, nacks, extensions",
                "ops",
                [
                    (rate(f"windlass_queue_{one}_total", "queue", QUEUE), f"{{{{queue}}}} {one}")
                    for one in ("deleted", "nacked", "extended", "retried_calls")
                ],
            ),
            (
                "timeseries",
                "Large payloads deleted",
                "ops",
                [
                    (rate("windlass_queue_deleted_payloads_total", "queue", QUEUE), "{{queue}}"),
                    (rate("windlass_queue_failed_payload_deletes_total", "queue", QUEUE), "{{queue}} not deleted"),
                ],
            ),
            (
                "timeseries",
                "Duplicates",
                "ops",
                [(rate("windlass_queue_duplicates_total", "queue", QUEUE), "{{queue}}")],
            ),
        ],
    ),
    "pipelines": (
        "Pipelines",
        ["queue"],
        [
            (
                "timeseries",
                "Objects in the last hour",
                "short",
                [("max by (pipeline, outcome) (windlass_pipeline_objects)", "{{pipeline}} {{outcome}}")],
            ),
            (
                "timeseries",
                "Bytes in the last hour",
                "bytes",
                [("max by (pipeline, direction) (windlass_pipeline_bytes)", "{{pipeline}} {{direction}}")],
            ),
            (
                "timeseries",
                "Refused objects that wait for a retry",
                "short",
                [("max by (pipeline) (windlass_pipeline_refused)", "{{pipeline}}")],
            ),
            ("stat", "Refused now", "short", [("sum(max by (pipeline) (windlass_pipeline_refused)) or vector(0)", "")]),
            *queue_panels(),
        ],
    ),
    "aggregation": (
        "Aggregation",
        ["queue"],
        [
            (
                "timeseries",
                "Events",
                "ops",
                [
                    (rate(f"windlass_aggregation_{one}_total", "queue", QUEUE), f"{{{{queue}}}} {one}")
                    for one in ("events", "unmatched")
                ],
            ),
            (
                "timeseries",
                "Events per write",
                "short",
                [
                    (
                        f"{rate('windlass_aggregation_events_total', 'queue', QUEUE)} / {rate('windlass_aggregation_batches_total', 'queue', QUEUE)}",
                        "{{queue}}",
                    )
                ],
            ),
            (
                "timeseries",
                "Timers",
                "ops",
                [
                    (rate(f"windlass_aggregation_{one}_total", "queue", QUEUE), f"{{{{queue}}}} {one}")
                    for one in ("ended", "deferred", "repaired_timers")
                ],
            ),
            (
                "timeseries",
                "Actions of the last hour",
                "short",
                [("max by (rule, outcome) (windlass_aggregation_windows)", "{{rule}} {{outcome}}")],
            ),
            *queue_panels(),
        ],
    ),
    "replication": (
        "Replication",
        [],
        [
            (
                "timeseries",
                "Pairs by the state of their newest seed",
                "short",
                [("max by (state) (windlass_replication_seeds)", "{{state}}")],
            ),
            (
                "stat",
                "Copied",
                "percentunit",
                [
                    (
                        'sum(max by (set) (windlass_replication_objects{count="done"})) / sum(max by (set) (windlass_replication_objects{count="total"}))',
                        "",
                    )
                ],
            ),
            (
                "stat",
                "Failed objects",
                "short",
                [('sum(max by (set) (windlass_replication_objects{count="failed"})) or vector(0)', "")],
            ),
            (
                "timeseries",
                "Objects by set",
                "short",
                [("max by (set, count) (windlass_replication_objects)", "{{set}} {{count}}")],
            ),
            (
                "timeseries",
                "Objects a second",
                "ops",
                [('deriv(max by (set) (windlass_replication_objects{count="done"})[5m:1m])', "{{set}}")],
            ),
            (
                "timeseries",
                "Bytes by set",
                "bytes",
                [("max by (set, count) (windlass_replication_bytes)", "{{set}} {{count}}")],
            ),
            (
                "timeseries",
                "Calls to S3 and its Batch Operations",
                "ops",
                [
                    (
                        rate("windlass_estate_calls_total", "service, outcome", '{service=~"s3|s3control"}'),
                        "{{service}} {{outcome}}",
                    )
                ],
            ),
            (
                "timeseries",
                "Jobs of the last day",
                "short",
                [('max by (kind, status) (windlass_jobs{kind=~"replication.*"})', "{{kind}} {{status}}")],
            ),
        ],
    ),
    "inventory": (
        "Inventory and estate",
        [],
        [
            (
                "stat",
                "Age of the inventory",
                "s",
                [("time() - max(windlass_inventory_collected_timestamp_seconds)", "")],
            ),
            ("stat", "Resources", "short", [("sum(max by (account) (windlass_inventory_resources))", "")]),
            ("stat", "Duration of the last collection", "s", [("max(windlass_inventory_run_seconds)", "")]),
            (
                "timeseries",
                "Resources by account",
                "short",
                [("max by (account) (windlass_inventory_resources)", "{{account}}")],
            ),
            ("timeseries", "Processes that collect", "short", [("max(windlass_inventory_workers)", "processes")]),
            (
                "timeseries",
                "Scopes by the state of their last visit",
                "short",
                [("max by (state) (windlass_inventory_scopes)", "{{state}}")],
            ),
            (
                "timeseries",
                "Collections",
                "short",
                [("sum by (status) (increase(windlass_inventory_runs_total[1h]))", "{{status}} in an hour")],
            ),
            (
                "timeseries",
                "Changes",
                "short",
                [("sum by (change) (increase(windlass_inventory_revisions_total[1h]))", "{{change}} in an hour")],
            ),
            (
                "timeseries",
                "Events of the feed",
                "ops",
                [
                    (rate("windlass_feed_events_total", "kind"), "{{kind}}"),
                    (f"sum(rate(windlass_feed_reads_total[{RATE}]))", "resources read again"),
                ],
            ),
            (
                "timeseries",
                "From an event to its change in the store",
                "s",
                [
                    (
                        f"histogram_quantile({share}, sum by (le) (rate(windlass_feed_seconds_bucket[{RATE}])))",
                        f"p{share * 100:g}",
                    )
                    for share in (0.5, 0.95)
                ],
            ),
            (
                "timeseries",
                "Results of osquery",
                "ops",
                [(rate("windlass_osquery_results_total", "outcome"), "{{outcome}}")],
            ),
            (
                "timeseries",
                "Calls to AWS by service",
                "ops",
                [(rate("windlass_estate_calls_total", "service"), "{{service}}")],
            ),
            (
                "timeseries",
                "Calls that did not succeed",
                "ops",
                [
                    (
                        rate("windlass_estate_calls_total", "service, outcome", '{outcome!="ok"}'),
                        "{{service}} {{outcome}}",
                    )
                ],
            ),
            (
                "timeseries",
                "Throttled, by account and region",
                "ops",
                [
                    (
                        rate("windlass_estate_throttled_total", "account, region, service"),
                        "{{account}} {{region}} {{service}}",
                    )
                ],
            ),
            (
                "timeseries",
                "Time of calls, p95",
                "s",
                [(quantile(0.95, "windlass_estate_call_seconds", "service"), "{{service}}")],
            ),
        ],
    ),
}
"""File name: title, variables, panels."""


def variable(name: str) -> dict[str, Any]:
    """A choice above the panels: the values of a label."""
    source = f"label_values(windlass_queue_received_total, {name})"
    return {
        "name": name,
        "label": name.title(),
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": source, "refId": name},
        "definition": source,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "refresh": 2,
        "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }


def dashboard(name: str) -> dict[str, Any]:
    """A dashboard as Grafana imports it."""
    title, variables, rows = DASHBOARDS[name]
    panels, x, y, tallest = [], 0, 0, 0
    for number, (kind, panel_title, unit, queries) in enumerate(rows, start=1):
        width, height = (4, 4) if kind == "stat" else (12, 8)
        if x + width > 24:
            x, y, tallest = 0, y + tallest, 0
        panels.append(
            {
                "id": number,
                "type": kind,
                "title": panel_title,
                "datasource": DATASOURCE,
                "gridPos": {"x": x, "y": y, "w": width, "h": height},
                "targets": [
                    {"refId": chr(65 + at), "datasource": DATASOURCE, "expr": expr, "legendFormat": legend or "__auto"}
                    for at, (expr, legend) in enumerate(queries)
                ],
                "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                "options": {
                    "legend": {"displayMode": "list", "placement": "bottom"},
                    "tooltip": {"mode": "multi", "sort": "desc"},
                }
                if kind == "timeseries"
                else {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "none", "graphMode": "area"},
            }
        )
        x, tallest = x + width, max(tallest, height)
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}}
    links = [{"type": "dashboards", "title": "Windlass", "tags": ["windlass"], "asDropdown": True, "keepTime": True}]
    return {
        "uid": f"windlass-{name}",
        "title": f"Windlass: {title}",
        "tags": ["windlass"],
        "timezone": "utc",
        "editable": True,
        "schemaVersion": 39,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": links,
        "templating": {"list": [source, *(variable(one) for one in variables)]},
        "annotations": {"list": []},
        "panels": panels,
    }


def text(name: str) -> str:
    """The file's text."""
    return json.dumps(dashboard(name), indent=1) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "dashboards"
    for name in DASHBOARDS:
        (folder / f"{name}.json").write_text(text(name), "utf-8")
