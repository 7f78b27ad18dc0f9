"""Conditions as people type them (`-w tag:team=web`), parsed into a Query. Pure.

tag:team=web      has this tag value        tag:team       has the tag at all
-tag:owner        does not have the tag           type=ec2.*     account=111…  region=eu-west-1
owner:web         this owner (owner:* any one)    -owner:*       no owner
name~log          the name contains the text
Versioning.Status=Enabled   Path!=x   Path~part   Path>5   Path<5   Path? (exists)   -Path (missing)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from windlass.core.clock import parse_when
from windlass.core.errors import UsageError
from windlass.inventory.model import Query
from windlass.inventory.search_terms import parse_terms

__all__ = ["SORTS", "matches", "parse_query", "path_parts", "value_text"]

SORTS = ("key", "name", "type", "changed", "region", "account", "relevance")
_CONDITION = re.compile(r"^(?P<path>[^=!~<>?]+?)\s*(?P<op>!=|=|~|<|>|\?)\s*(?P<value>.*)$", re.DOTALL)
_PART = re.compile(r"^[^\"'\\]+$")


def parse_query(
    types: Iterable[str],
    conditions: Iterable[str],
    *,
    now: datetime,
    at: str = "",
    deleted: bool = False,
    sort: str = "key",
    limit: int = 100,
    words: str = "",
    cursor: str = "",
) -> Query:
    """Parse conditions into a query; `words` may contain filters, too (search_terms.py).

    UsageError names the malformed condition.
    """
    if sort not in SORTS:
        raise UsageError(f"{sort!r} is not a sort order", hint=f"Sort by {', '.join(SORTS)}.")
    terms = parse_terms(words)
    query = Query(
        types=tuple(types),
        words=terms.text,
        at=parse_when(at, at=now) if at else None,
        include_deleted=deleted,
        sort=sort,
        limit=limit,
        cursor=cursor,
    )
    for condition in (*conditions, *terms.conditions):
        query = _add(query, condition.strip())
    return query


def _add(query: Query, text: str) -> Query:
    if text.startswith("-tag:"):
        return replace(query, untagged=text.removeprefix("-tag:"))
    if text.startswith("tag:"):
        name, equals, value = text.removeprefix("tag:").partition("=")
        return replace(query, tags={**query.tags, name: value if equals else "*"})
    if text == "-owner:*":
        return replace(query, ownerless=True)
    if text.startswith("owner:") and text != "owner:":
        return replace(query, owner=text.removeprefix("owner:"))
    if text.startswith("-"):
        return _where(query, text[1:], "missing", "")
    parsed = _CONDITION.match(text)
    if parsed is None:
        raise UsageError(
            f"{text!r} is not a condition",
            hint="Write tag:team=web, -tag:owner, owner:web, -owner:*, region=eu-west-1, Versioning.Status=Enabled, name~log or Path?",
        )
    path, operator, value = parsed["path"].strip(), parsed["op"], parsed["value"].strip()
    if operator == "=" and path in ("type", "account", "region"):
        if path == "type":
            return replace(query, types=(*query.types, value))
        if path == "account":
            return replace(query, account_ids=(*query.account_ids, value))
        return replace(query, regions=(*query.regions, value))
    return _where(query, path, "exists" if operator == "?" else operator, value)


def _where(query: Query, path: str, operator: str, value: str) -> Query:
    path_parts(path)
    if operator in "<>" and not _number(value):
        raise UsageError(f"{path}{operator}{value}: {value!r} is not a number", hint="< and > compare numbers only.")
    return replace(query, where=(*query.where, (path, operator, value)))


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def path_parts(path: str) -> list[str]:
    """Return the parts of `a.b.0`. UsageError for characters that no document path has."""
    parts = path.split(".")
    if not all(part and _PART.match(part) for part in parts):
        raise UsageError(
            f"{path!r} is not a document path", hint="Write member names with dots between: Versioning.Status"
        )
    return parts


def matches(query: Query, row: Any) -> bool:
    """True when a Resource with its document satisfies the query's tags and conditions (not types, accounts, regions and owner).

    It means the same as the conditions in SQL, for documents that were replayed from history.
    """
    for name, expected in query.tags.items():
        if name not in row.tags or expected not in ("*", row.tags[name]):
            return False
    if query.untagged and query.untagged in row.tags:
        return False
    return all(_holds(row, *condition) for condition in query.where)


def _holds(row: Any, path: str, operator: str, value: str) -> bool:
    actual = row.name if path == "name" else _at(row.document, path_parts(path))
    if operator == "missing":
        return actual is None
    if operator == "!=":
        return value_text(actual) != value
    if actual is None:
        return False
    if operator == "exists":
        return True
    if operator == "=":
        return value_text(actual) == value
    if operator == "~":
        return value.lower() in value_text(actual).lower()
    return _compare(actual, operator, float(value))


def _compare(actual: Any, operator: str, value: float) -> bool:
    if isinstance(actual, bool) or not _number(str(actual)):
        return False
    return float(actual) < value if operator == "<" else float(actual) > value


def _at(document: Any, parts: list[str]) -> Any:
    for part in parts:
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


def value_text(value: Any) -> str:
    """Return a document's value as conditions compare it: `true`, `false`, numbers as written, lists and objects as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return "" if value is None else str(value)
