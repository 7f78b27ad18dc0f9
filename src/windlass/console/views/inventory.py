"""The Inventory page: search, facets, columns, order, time and pages. All of its state is in the URL."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from windlass.console.page_context import PageContext
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
from windlass.inventory.facets import NO_OWNER
from windlass.inventory.model import Query
from windlass.present.output import Format, emit

__all__ = ["export", "inventory"]

PAGE_ROWS = 50
_FACETS = (
    ("type", "Type", "type"),
    ("account", "Account", "account"),
    ("region", "Region", "region"),
    ("owner", "Owner", "owner"),
    ("tag:team", "Team", "tag:team"),
    ("tag:env", "Environment", "tag:env"),
)
# (name in the URL, heading, sort order; empty: not sortable)
_COLUMNS = (
    ("type", "Type", "type"),
    ("account", "Account", "account"),
    ("region", "Region", "region"),
    ("owner", "Owner", ""),
    ("team", "Team", ""),
    ("env", "Environment", ""),
    ("tags", "Tags", ""),
    ("id", "Id", ""),
    ("arn", "ARN", ""),
    ("seen", "First seen", ""),
    ("changed", "Changed", "changed"),
)
_DEFAULT_COLUMNS = ("type", "account", "region", "owner", "tags", "changed")
_EXPORTED = (
    "id",
    "key",
    "type",
    "name",
    "resource_id",
    "arn",
    "account_id",
    "region",
    "owner",
    "tags",
    "first_seen_at",
    "changed_at",
    "deleted_at",
    "document",
)
_TIMES = (("now", ""), ("1 h ago", "1h"), ("1 d ago", "1d"), ("7 d ago", "7d"), ("30 d ago", "30d"))


def inventory(context: PageContext, params: Params) -> Data:
    """Return the matching resources, the facets, and links to every other state of the page."""
    query = query_of(params, limit=PAGE_ROWS)
    context.check(query)
    page = context.inventory.list(query)
    aliases = context.aliases()
    items = [plain(rows.resource_row(resource)) for resource in page.rows]
    for item in items:
        item["account"] = aliases.get(item["account_id"], item["account_id"])
    return {
        "items": items,
        "total": page.total,
        "facets": _facets(context, params, query, aliases),
        "columns": _columns(params, query.sort),
        "q": first(params, "q"),
        "at": first(params, "at"),
        "at_exact": query.at.strftime("%Y-%m-%dT%H:%M") if query.at else "",
        "times": [
            {"name": name, "chosen": at == first(params, "at"), "link": link("/inventory", params, at=at)}
            for name, at in _TIMES
        ],
        "chips": _chips(params, aliases),
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


def _facets(context: PageContext, params: Params, query: Query, aliases: dict[str, str]) -> list[Data]:
    counts = context.facets(query)
    facets = []
    for name, title, parameter in _FACETS:
        chosen = params.get(parameter, [])
        values = [
            {
                "value": facet.value,
                "label": aliases.get(facet.value, facet.value)
                if name == "account"
                else "(nobody)"
                if (name, facet.value) == ("owner", NO_OWNER)
                else facet.value or "(none)",
                "count": facet.count,
                "chosen": facet.value in chosen,
                "link": link("/inventory", params, **{parameter: _chosen_after(chosen, facet.value, name)}),
            }
            for facet in counts.get(name, ())
        ]
        values.sort(key=lambda value: not value["chosen"])
        facets.append({"name": name, "title": title, "values": values})
    return facets


def _chosen_after(chosen: list[str], value: str, name: str) -> list[str]:
    """The chosen values after a click. Types, accounts and regions are alternatives; a tag, and the owner, has one value at a time."""
    return toggled([] if (name == "owner" or name.startswith("tag:")) and value not in chosen else chosen, value)


def _columns(params: Params, sort: str) -> Data:
    chosen = many_of(params, "col", (name for name, *_ in _COLUMNS))
    shown = [name for name, *_ in _COLUMNS if name in chosen] or list(_DEFAULT_COLUMNS)
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


def _chips(params: Params, aliases: dict[str, str]) -> list[Data]:
    """Every active filter, each with the URL that removes it."""
    typed = first(params, "q")
    chips = [{"text": f"“{typed}”", "link": link("/inventory", params, q="")}] if typed else []
    for name, values in params.items():
        if name in ("type", "account", "region", "owner", "where") or name.startswith("tag:"):
            for value in values:
                label = aliases.get(value, value) if name == "account" else value
                if value:
                    text = label if name in ("where", "type", "account", "region") else f"{name[4:]} {label}"
                    chips.append({"text": text, "link": link("/inventory", params, **{name: toggled(values, value)})})
    return chips


def _command(params: Params, query: Query) -> str:
    typed = first(params, "q")
    if typed and not conditions(params) and not params.get("type"):
        return command("inventory", "search", *typed.split(), params={}, options={"--at": first(params, "at")})
    options = {"--at": first(params, "at"), "--sort": query.sort if first(params, "sort") else ""}
    return command("inventory", "list", params=params, options=options) + (
        " --deleted" if query.include_deleted else ""
    )


def export(context: PageContext, params: Params, kind: str) -> Iterator[str]:
    """Return all matching resources with their documents, line by line. A malformed query raises before the first line."""
    query = query_of({name: values for name, values in params.items() if name != "kind"}, limit=1000)
    context.check(query)
    return _lines(context, query, kind)


def _lines(context: PageContext, query: Query, kind: str) -> Iterator[str]:
    if kind == "csv":
        yield _csv([])
    for resource in context.inventory.walk(query):
        row = plain(rows.resource_row(resource)) | {"document": resource.document}
        if kind == "jsonl":
            yield json.dumps(row, ensure_ascii=False) + "\n"
        else:
            yield _csv([row]).split("\n", 1)[1]


def _csv(listed: list[Data]) -> str:
    out = io.StringIO()
    emit(listed, Format.CSV, _EXPORTED, out=out)
    return out.getvalue()
