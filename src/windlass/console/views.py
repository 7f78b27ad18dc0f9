"""What each page shows, as plain data: the template and the page's JSON twin get exactly this."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from windlass.api.routes import job_value
from windlass.app import App
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import parse_when
from windlass.core.errors import NotFound
from windlass.inventory import rows
from windlass.inventory.filters import SORTS, parse_query
from windlass.inventory.model import ChangeKind, Query
from windlass.jobs.model import JobStatus
from windlass.present.output import Format, emit

__all__ = ["accounts", "changes", "export", "inventory", "job", "jobs", "overview", "patterns", "resource"]

Params = Mapping[str, list[str]]
Data = dict[str, Any]
_STATES = ("failed", "timeout", "throttled", "denied", "partial", "interrupted", "unsupported", "ok")
_SINCE = ("1h", "24h", "7d", "30d")
_FACETS = (("type", "Type", "type"), ("account", "Account", "account"), ("region", "Region", "region"),
           ("tag:team", "Team", "tag:team"), ("tag:env", "Environment", "tag:env"))  # fmt: skip


def first(params: Params, name: str, default: str = "") -> str:
    """A parameter's first value."""
    return (params.get(name) or [default])[0]


def link(path: str, params: Params, **changes: str | list[str] | None) -> str:
    """The same page with some parameters changed; the cursor starts anew."""
    kept = {key: values for key, values in params.items() if key not in changes and key != "cursor" and any(values)}
    added = {key: value if isinstance(value, list) else [value] for key, value in changes.items() if value}
    query = urlencode([(key, value) for key, values in {**kept, **added}.items() for value in values])
    return f"{path}?{query}" if query else path


def overview(app: App, _: Params) -> Data:
    """The estate at a glance, what needs attention first."""
    stats = rows.stats_value(app.inventory.stats())
    scopes = app.inventory.scopes()
    runs = app.inventory.runs(10)
    recent, _cursor = app.inventory.changes(since=clock.now() - timedelta(days=7), limit=8)
    aliases = _aliases(app)
    return {
        "stats": stats,
        "attention": _attention(app, scopes, runs),
        "grid": _grid(scopes),
        "runs": [plain(rows.run_row(one)) for one in runs],
        "changes": [plain(rows.revision_row(one)) for one in recent],
        "jobs": [job_value(one) for one in app.jobs.list(status=JobStatus.RUNNING, limit=5)],
        "types": [(name, count, link("/inventory", {}, type=name)) for name, count in stats["by_type"].items()],
        "accounts": [
            {"id": one, "alias": aliases.get(one, ""), "count": count, "link": link("/inventory", {}, account=one)}
            for one, count in stats["by_account"].items()
        ],
        "regions": [
            {"id": one, "alias": "", "count": count, "link": link("/inventory", {}, region=one)}
            for one, count in stats["by_region"].items()
        ],
    }


def _aliases(app: App) -> dict[str, str]:
    """Account names as the organization's own resources tell them: no call to AWS for a page."""
    found = app.inventory.list(Query(types=("organizations.account",), limit=1000)).rows
    configured = {one.id: one.alias for one in app.settings.estate.accounts if one.alias}
    return {one.resource_id.rpartition("/")[2]: one.name for one in found} | configured


def _attention(app: App, scopes: Any, runs: Any) -> list[Data]:
    """What somebody should look at, each with where."""
    found: list[Data] = []
    troubled = [one for one in scopes if not one.state.complete and str(one.state) != "unsupported"]
    if troubled:
        worst = troubled[0]
        where = f"{worst.scope.type} in {worst.scope.region} of {worst.scope.account_id}: {worst.state}"
        found.append(
            {"level": "bad", "text": f"{len(troubled):,} scopes can't be read", "detail": where, "link": "/accounts"}
        )
    if runs and runs[0].status in ("failed", "interrupted"):
        found.append(
            {
                "level": "bad",
                "text": f"the last collection was {runs[0].status}",
                "detail": runs[0].run_id,
                "link": "/jobs",
            }
        )
    for text, query in (
        ("public buckets", Query(types=("s3.bucket",), where=(("PolicyStatus.IsPublic", "=", "true"),), limit=1)),
        ("unencrypted volumes", Query(types=("ec2.volume",), where=(("Encrypted", "=", "false"),), limit=1)),
        ("buckets without an owner (tag team)", Query(types=("s3.bucket",), untagged="team", limit=1)),
    ):
        page = app.inventory.list(query)
        if page.total:
            conditions = [
                *(f"{path}{op}{value}" for path, op, value in query.where),
                *([f"-tag:{query.untagged}"] if query.untagged else []),
            ]
            target = link("/inventory", {}, type=list(query.types), where=conditions)
            found.append(
                {"level": "warn", "text": f"{page.total:,} {text}", "detail": page.rows[0].name, "link": target}
            )
    failed = app.jobs.list(status=JobStatus.FAILED, limit=1)
    if failed:
        found.append(
            {"level": "warn", "text": "a job failed", "detail": failed[0].title, "link": f"/jobs/{failed[0].job_id}"}
        )
    return found


def _grid(scopes: Any) -> Data:
    """Accounts by regions, each cell the worst state of its scopes and their counts."""
    cells: dict[str, dict[str, dict[str, int]]] = {}
    for one in scopes:
        counted = cells.setdefault(one.scope.account_id, {}).setdefault(one.scope.region, {})
        counted[str(one.state)] = counted.get(str(one.state), 0) + 1
    regions = sorted({region for account in cells.values() for region in account})
    return {
        "regions": regions,
        "accounts": [
            {
                "id": account,
                "cells": [
                    {"region": region, "counts": found.get(region, {}), "state": _worst(found.get(region, {}))}
                    for region in regions
                ],
            }
            for account, found in sorted(cells.items())
        ],
    }


def _worst(counts: Mapping[str, int]) -> str:
    # A service that is not in a region is no trouble; a cell of nothing else is grey.
    trouble = next((state for state in _STATES if state in counts and state not in ("unsupported", "ok")), "")
    return trouble or ("ok" if "ok" in counts else "unsupported" if counts else "none")


def _query(params: Params, *, limit: int) -> Query:
    conditions = [*params.get("where", []), *(f"account={one}" for one in params.get("account", [])),
                  *(f"region={one}" for one in params.get("region", []))]  # fmt: skip
    for name, values in params.items():
        if name.startswith("tag:"):
            conditions += [f"{name}={value}" for value in values]
    return parse_query(
        params.get("type", []), [one for one in conditions if one], now=clock.now(), at=first(params, "at"),
        deleted=bool(first(params, "deleted")), sort=first(params, "sort", "type"), limit=limit, words=first(params, "q"),
        cursor=first(params, "cursor"),
    )  # fmt: skip


def inventory(app: App, params: Params) -> Data:
    """Search, facets and the table."""
    query = _query(params, limit=50)
    page = app.inventory.list(query)
    found = app.inventory.facets(replace(query, at=None, cursor=""))
    aliases = _aliases(app)
    facets = []
    for name, title, parameter in _FACETS:
        chosen = params.get(parameter, [])
        values = [
            {
                "value": one.value,
                "label": aliases.get(one.value, one.value) if name == "account" else one.value or "(none)",
                "count": one.count,
                "chosen": one.value in chosen,
                "link": link("/inventory", params, **{parameter: None if one.value in chosen else one.value}),
            }
            for one in found.get(name, ())
        ]
        facets.append({"name": name, "title": title, "values": values[:12], "more": max(0, len(values) - 12)})
    items = [plain(rows.resource_row(one)) for one in page.rows]
    for item in items:
        item["account"] = aliases.get(item["account_id"], item["account_id"])
    return {
        "items": items,
        "total": page.total,
        "facets": facets,
        "q": query.words,
        "at": first(params, "at"),
        "where": [one for one in params.get("where", []) if one],
        "without": {
            one: link("/inventory", params, where=[w for w in params.get("where", []) if w != one])
            for one in params.get("where", [])
        },
        "sorts": [
            {"name": name, "chosen": name == query.sort, "link": link("/inventory", params, sort=name)}
            for name in SORTS
        ],
        "next": link("/inventory", params)
        + ("&" if "?" in link("/inventory", params) else "?")
        + urlencode({"cursor": page.cursor})
        if page.cursor
        else "",
        "hidden": [
            (key, value) for key, values in params.items() for value in values if key not in ("q", "cursor") and value
        ],
        "cli": _list_command(params),
        "clear": "/inventory",
    }


def _list_command(params: Params) -> str:
    words = ["windlass inventory list", *params.get("type", [])]
    if first(params, "q"):
        return f"windlass inventory search {first(params, 'q')}"
    conditions = [*params.get("where", []), *(f"account={one}" for one in params.get("account", [])),
                  *(f"region={one}" for one in params.get("region", [])),
                  *(f"{name}={value}" for name, values in params.items() if name.startswith("tag:") for value in values)]  # fmt: skip
    words += [f"-w '{one}'" for one in conditions if one]
    words += [f"--at {first(params, 'at')}"] if first(params, "at") else []
    return " ".join(words)


def export(app: App, params: Params, kind: str) -> Iterator[str]:
    """Every matching resource with its document, line by line."""
    query = _query({name: values for name, values in params.items() if name != "kind"}, limit=1000)
    for number, one in enumerate(app.inventory.walk(query)):
        row = plain(rows.resource_row(one)) | {"document": one.document}
        if kind == "jsonl":
            yield json.dumps(row, ensure_ascii=False) + "\n"
        else:
            out = io.StringIO()
            emit([row], Format.CSV, list(row), out=out)
            yield out.getvalue() if number == 0 else out.getvalue().split("\n", 1)[1]


def resource(app: App, params: Params) -> Data:
    """One resource: document, tags, relations, history, and one revision side by side."""
    ref = first(params, "ref")
    if not ref:
        raise NotFound("no resource was named", hint="Open one from the inventory.")
    moment = parse_when(first(params, "at"), at=clock.now()) if first(params, "at") else None
    now = app.inventory.show(ref)
    name = f"#{now.pk}"
    document = app.inventory.document_at(name, moment) if moment else now.document
    revisions = app.inventory.history(name, limit=200)
    relations = [rows.relation_row(one) for one in app.inventory.relations(name, at=moment)]
    around = app.inventory.graph(name, depth=1 if len(relations) > 12 else 2, limit=40)
    chosen = next(
        (one for one in revisions if str(one.revision_id) == first(params, "rev")), revisions[0] if revisions else None
    )
    return {
        "resource": plain(rows.resource_row(now)) | {"measures": dict(now.measures)},
        "account": _aliases(app).get(now.account_id, ""),
        "document": document,
        "at": plain(moment) if moment else "",
        "relations": relations,
        "graph": {
            "root": around.root,
            "nodes": plain([rows.resource_row(one) for one in around.nodes]),
            "edges": [rows.relation_row(one) for one in around.edges],
        },
        "revisions": [plain(rows.revision_row(one)) for one in revisions],
        "chosen": _side_by_side(app, name, chosen) if chosen else None,
        "cli": f"windlass inventory show '{now.key}'" + (f" --at {plain(moment)}" if moment else ""),
    }


def _side_by_side(app: App, ref: str, revision: Any) -> Data:
    before = app.inventory.document_at(ref, revision.valid_from - timedelta(microseconds=1))
    after = app.inventory.document_at(ref, revision.valid_from)
    lines = []
    for operation in revision.patch:
        path = operation["path"]
        lines.append(
            {
                "op": operation["op"],
                "path": path.lstrip("/").replace("/", ".").replace("~1", "/").replace("~0", "~"),
                "before": None if operation["op"] == "add" else _text(_value_at(before, path)),
                "after": None if operation["op"] == "remove" else _text(operation.get("value", _value_at(after, path))),
            }
        )
    return plain(rows.revision_row(revision)) | {"lines": lines}  # type: ignore[no-any-return]


def _value_at(document: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(token)
        elif isinstance(document, list) and token.isdigit() and int(token) < len(document):
            document = document[int(token)]
        else:
            return None
    return document


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def changes(app: App, params: Params) -> Data:
    """The feed, filtered by kind, type, account, region and time."""
    since = first(params, "since", "7d")
    kinds = tuple(ChangeKind(one) for one in params.get("kind", []) if one in tuple(ChangeKind))
    query = replace(_query(params, limit=50), cursor="")
    found, cursor = app.inventory.changes(
        since=parse_when(since, at=clock.now()), query=query, kinds=kinds, limit=50, cursor=first(params, "cursor")
    )
    return {
        "items": [plain(rows.revision_row(one)) for one in found],
        "days": rows.stats_value(app.inventory.stats())["changes_by_day"],
        "since": [{"name": one, "chosen": one == since, "link": link("/changes", params, since=one)} for one in _SINCE],
        "kinds": [
            {"name": str(one), "chosen": one in kinds, "link": link("/changes", params, kind=None if one in kinds else str(one))}
            for one in ChangeKind
        ],
        "filters": [
            {"name": f"{name} {value}", "link": link("/changes", params, **{name: [v for v in values if v != value]})}
            for name, values in params.items() for value in values if name in ("type", "account", "region") and value
        ],
        "next": link("/changes", params, since=since) + "&" + urlencode({"cursor": cursor}) if cursor else "",
        "cli": f"windlass inventory changes --since {since}" + "".join(f" --kind {one}" for one in kinds),
    }  # fmt: skip


def accounts(app: App, _: Params) -> Data:
    """Who we are and why, what could be read where, and who slowed us down."""
    scopes = app.inventory.scopes()
    troubled = [one for one in scopes if str(one.state) not in ("ok", "unsupported")]
    return {
        "whoami": asdict(app.estate.whoami()),
        "refusal": app.estate.decision.refusal,
        "hint": app.estate.decision.hint,
        "grid": _grid(scopes),
        "aliases": _aliases(app),
        "trouble": [plain(rows.status_row(one)) for one in troubled[:200]],
        "throttles": [asdict(one) for one in app.estate.throttle_stats() if one.throttled][:20],
        "calls": sum(one.calls for one in app.estate.throttle_stats()),
    }


def jobs(app: App, params: Params) -> Data:
    """All long work, newest first."""
    status = first(params, "status")
    chosen = JobStatus(status) if status in tuple(JobStatus) else None
    return {
        "items": [job_value(one) for one in app.jobs.list(status=chosen, limit=100)],
        "statuses": [
            {
                "name": str(one),
                "chosen": one is chosen,
                "link": link("/jobs", {}, status=None if one is chosen else str(one)),
            }
            for one in JobStatus
        ],
    }


def job(app: App, params: Params) -> Data:
    """One job with its log."""
    found = app.jobs.get(first(params, "job_id"))
    return {"job": job_value(found), "log": [plain(asdict(entry)) for entry in app.jobs.log(found.job_id, limit=2000)]}


def patterns(_app: App, _: Params) -> Data:
    """Every part the pages are made of, side by side."""
    sample = [
        {"day": f"2026-11-{day:02}", "created": day % 5 * 3, "updated": day % 7 * 2, "deleted": day % 3}
        for day in range(1, 31)
    ]
    return {"days": sample, "types": [(f"s3.kind-{n}", 200 // n, "/patterns") for n in range(1, 14)], "states": _STATES}
