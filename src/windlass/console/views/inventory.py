"""The inventory's list: search, facets, columns, order, time, pages; all of it in the address."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from windlass.console.desk import Desk
from windlass.console.views.links import (
    Data,
    Params,
    command,
    conditions,
    first,
    hidden,
    link,
    many_of,
    query_of,
    toggled,
)
from windlass.core.canonical import plain
from windlass.inventory import rows
from windlass.inventory.model import Query
from windlass.present.output import Format, emit

__all__ = ["export", "inventory"]

_PAGE = 50
_FACETS = (
    ("type", "Type", "type"),
    ("account", "Account", "account"),
    ("region", "Region", "region"),
    ("tag:team", "Team", "tag:team"),
    ("tag:env", "Environment", "tag:env"),
)
# name in the address, heading, order it sorts by
_COLUMNS = (
    ("type", "Type", "type"),
    ("account", "Account", "account"),
    ("region", "Region", "region"),
    ("team", "Team", ""),
    ("env", "Environment", ""),
    ("tags", "Tags", ""),
    ("id", "Id", ""),
    ("arn", "ARN", ""),
    ("seen", "First seen", ""),
    ("changed", "Changed", "changed"),
)
_USUAL = ("type", "account", "region", "tags", "changed")
_EXPORTED = (
    "id",
    "key",
    "type",
    "name",
    "resource_id",
    "arn",
    "account_id",
    "region",
    "tags",
    "first_seen_at",
    "changed_at",
    "deleted_at",
    "document",
)
_TIMES = (("now", ""), ("1 h ago", "1h"), ("1 d ago", "1d"), ("7 d ago", "7d"), ("30 d ago", "30d"))


def inventory(desk: Desk, params: Params) -> Data:
    """Search, facets and the table."""
    query = query_of(params, limit=_PAGE)
    desk.check(query)
    page = desk.inventory.list(query)
    aliases = desk.aliases()
    items = [plain(rows.resource_row(one)) for one in page.rows]
    for item in items:
        item["account"] = aliases.get(item["account_id"], item["account_id"])
    return {
        "items": items,
        "total": page.total,
        "facets": _facets(desk, params, query, aliases),
        "columns": _columns(params, query.sort),
        "q": query.words,
        "at": first(params, "at"),
        "at_exact": query.at.strftime("%Y-%m-%dT%H:%M") if query.at else "",
        "times": [
            {"name": name, "chosen": at == first(params, "at"), "link": link("/inventory", params, at=at)}
            for name, at in _TIMES
        ],
        "chips": _chips(params, query, aliases),
        "deleted": {
            "chosen": query.include_deleted,
            "link": link("/inventory", params, deleted="" if query.include_deleted else "1"),
        },
        "sort": query.sort,
        "start": link("/inventory", params) if query.cursor else "",
        "next": link("/inventory", params, cursor=page.cursor) if page.cursor else "",
        "hidden_at": hidden(params, "at"),
        "hidden_columns": hidden(params, "col"),
        "hidden_q": hidden(params, "q"),
        "cli": _command(params, query),
    }


def _facets(desk: Desk, params: Params, query: Query, aliases: dict[str, str]) -> list[Data]:
    found = desk.facets(query)
    facets = []
    for name, title, parameter in _FACETS:
        chosen = params.get(parameter, [])
        values = [
            {
                "value": one.value,
                "label": aliases.get(one.value, one.value) if name == "account" else one.value or "(none)",
                "count": one.count,
                "chosen": one.value in chosen,
                "link": link("/inventory", params, **{parameter: _after(chosen, one.value, name)}),
            }
            for one in found.get(name, ())
        ]
        values.sort(key=lambda one: not one["chosen"])
        facets.append({"name": name, "title": title, "values": values})
    return facets


def _after(chosen: list[str], value: str, name: str) -> list[str]:
    """Types and places are alternatives to each other; a tag has one value at a time."""
    return toggled([] if name.startswith("tag:") and value not in chosen else chosen, value)


def _columns(params: Params, sort: str) -> Data:
    chosen = many_of(params, "col", (name for name, *_ in _COLUMNS))
    shown = [name for name, *_ in _COLUMNS if name in chosen] or list(_USUAL)
    return {
        "all": [{"name": name, "title": title, "shown": name in shown} for name, title, _ in _COLUMNS],
        "shown": [
            {
                "name": name,
                "title": title,
                "link": link("/inventory", params, sort=order) if order else "",
                "sorted": order == sort,
            }
            for name, title, order in _COLUMNS
            if name in shown
        ],
        "name": {"link": link("/inventory", params, sort="name"), "sorted": sort == "name"},
    }


def _chips(params: Params, query: Query, aliases: dict[str, str]) -> list[Data]:
    """Everything that narrows the list, each with the address without it."""
    found = [{"text": f"“{query.words}”", "link": link("/inventory", params, q="")}] if query.words else []
    for name, values in params.items():
        if name in ("type", "account", "region", "where") or name.startswith("tag:"):
            for value in values:
                shown = aliases.get(value, value) if name == "account" else value
                if value:
                    text = shown if name in ("where", "type", "account", "region") else f"{name[4:]} {shown}"
                    found.append({"text": text, "link": link("/inventory", params, **{name: toggled(values, value)})})
    return found


def _command(params: Params, query: Query) -> str:
    if query.words and not conditions(params) and not query.types and not query.at:
        return command("inventory", "search", *query.words.split(), params={})
    options = {"--at": first(params, "at"), "--sort": query.sort if first(params, "sort") else ""}
    return command("inventory", "list", params=params, options=options) + (
        " --deleted" if query.include_deleted else ""
    )


def export(desk: Desk, params: Params, kind: str) -> Iterator[str]:
    """Every matching resource with its document, line by line; a malformed query is refused before the first."""
    query = query_of({name: values for name, values in params.items() if name != "kind"}, limit=1000)
    desk.check(query)
    return _lines(desk, query, kind)


def _lines(desk: Desk, query: Query, kind: str) -> Iterator[str]:
    if kind == "csv":
        yield _csv([])
    for one in desk.inventory.walk(query):
        row = plain(rows.resource_row(one)) | {"document": one.document}
        if kind == "jsonl":
            yield json.dumps(row, ensure_ascii=False) + "\n"
        else:
            yield _csv([row]).split("\n", 1)[1]


def _csv(listed: list[Data]) -> str:
    out = io.StringIO()
    emit(listed, Format.CSV, _EXPORTED, out=out)
    return out.getvalue()
