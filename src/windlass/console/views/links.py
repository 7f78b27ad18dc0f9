"""The state of a page is in its URL: query parameters, and links to the same page in another state. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from windlass.core import clock
from windlass.core.suggest import unknown_word
from windlass.inventory.facets import NO_OWNER
from windlass.inventory.filters import parse_query
from windlass.inventory.model import Query

__all__ = [
    "Data",
    "Params",
    "command",
    "conditions",
    "first",
    "hidden",
    "link",
    "many_of",
    "one_of",
    "query_of",
    "toggled",
]

Params = Mapping[str, list[str]]
Data = dict[str, Any]


def first(params: Params, name: str, default: str = "") -> str:
    """Return the first value of a parameter; `default` without one."""
    return (params.get(name) or [default])[0] or default


def one_of(params: Params, name: str, known: Iterable[str]) -> str:
    """Return the value of a parameter, empty without one. UsageError, with the nearest known value, for an unknown one."""
    value, names = first(params, name), [str(item) for item in known]
    if value and value not in names:
        raise unknown_word(name, value, names)
    return value


def many_of(params: Params, name: str, known: Iterable[str]) -> list[str]:
    """Return the values of a repeated parameter. UsageError, with the nearest known value, for an unknown one."""
    names, values = [str(item) for item in known], [value for value in params.get(name, []) if value]
    for value in values:
        if value not in names:
            raise unknown_word(name, value, names)
    return values


def link(path: str, params: Params, **changes: str | list[str] | None) -> str:
    """Return the URL of the page with some parameters changed. It starts at the first page unless `cursor` is given."""
    kept = {key: values for key, values in params.items() if key not in changes and key != "cursor" and any(values)}
    added = {key: value if isinstance(value, list) else [value] for key, value in changes.items() if value}
    query = urlencode([(key, value) for key, values in {**kept, **added}.items() for value in values if value])
    return f"{path}?{query}" if query else path


def toggled(values: Iterable[str], value: str) -> list[str]:
    """Return the values with `value` added, or removed when it is among them."""
    listed = list(values)
    return [item for item in listed if item != value] if value in listed else [*listed, value]


def hidden(params: Params, *but: str) -> list[tuple[str, str]]:
    """Return the hidden fields of a form that only changes the parameters `but`."""
    return [
        (key, value)
        for key, values in params.items()
        if key not in (*but, "cursor", "rev", "from")
        for value in values
        if value
    ]


def conditions(params: Params) -> list[str]:
    """Return the filters of the URL as conditions of the option `-w`."""
    filters = [value for value in params.get("where", []) if value]
    for name, values in params.items():
        if name in ("account", "region") or name.startswith("tag:"):
            filters += [f"{name}={value}" for value in values if value]
        elif name == "owner":
            filters += ["-owner:*" if value == NO_OWNER else f"owner:{value}" for value in values if value]
    return filters


def query_of(params: Params, *, limit: int, sort: str = "type") -> Query:
    """Return the inventory query that the URL describes; a search lists the best match first unless the URL has an order."""
    return parse_query(
        [value for value in params.get("type", []) if value],
        conditions(params),
        now=clock.now(),
        at=first(params, "at"),
        deleted=bool(first(params, "deleted")),
        sort=first(params, "sort", "relevance" if first(params, "q") else sort),
        limit=limit,
        words=first(params, "q"),
        cursor=first(params, "cursor"),
    )


def command(*words: str, params: Params, options: Mapping[str, str] | None = None) -> str:
    """Return the command with the same result, quoted for a shell."""
    typed = ["windlass", *words, *(value for value in params.get("type", []) if value)]
    for condition in conditions(params):
        typed += ["-w", condition]
    for name, value in (options or {}).items():
        typed += [name, value] if value else []
    return shlex.join(typed)
