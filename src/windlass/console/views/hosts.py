"""The Hosts pages: hosts by name or package, and what runs inside one, now or at a time."""

from __future__ import annotations

import shlex
from urllib.parse import quote

from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, first
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import parse_when
from windlass.core.errors import NotFound
from windlass.facts.packages import PackageQuery
from windlass.facts.rows import change_row, host_row, missing_row, package_row, section_row

__all__ = ["host", "host_of_instance", "hosts"]

MAX_ROWS = 200
MAX_SECTION_ROWS = 500
MAX_CHANGES = 50


def hosts(context: PageContext, params: Params) -> Data:
    """Return the hosts that match the words, or that have a package; and what is not known."""
    facts = context.app.facts
    words, package, below = first(params, "q"), first(params, "package"), first(params, "below")
    matches = facts.packages(PackageQuery(name=package, below=below)) if package else ()
    listed = facts.hosts(words=words)
    missing = facts.missing()
    command = ["windlass", "facts", "packages", package] if package else ["windlass", "facts", "list", *words.split()]
    return {
        "q": words,
        "package": package,
        "below": below,
        "matches": [_linked(plain(package_row(match))) for match in matches[:MAX_ROWS]],
        "matches_total": len(matches),
        "unknown": len(facts.hosts_with_unknown_packages()) if package else 0,
        "items": [_linked(plain(host_row(host))) for host in listed[:MAX_ROWS]],
        "total": len(listed),
        "missing": [plain(missing_row(each)) for each in missing[:MAX_ROWS]],
        "missing_total": len(missing),
        "aliases": context.aliases(),
        "cli": shlex.join([*command, *(["--below", below] if package and below else [])]),
    }


def host(context: PageContext, params: Params) -> Data:
    """Return one host with its sections and their rows, now or at a time, and its latest changes."""
    facts, ref, at = context.app.facts, first(params, "host"), first(params, "at")
    moment = parse_when(at, at=clock.now()) if at else None
    shown = facts.host(ref)
    sections = [plain(section_row(section)) for section in facts.sections(ref, at=moment)]
    for section in sections:
        section["columns"] = list(dict.fromkeys(name for row in section["rows"] for name in row))
        section["hidden"] = max(0, len(section["rows"]) - MAX_SECTION_ROWS)
        section["rows"] = section["rows"][:MAX_SECTION_ROWS]
    return {
        "host": _linked(plain(host_row(shown))),
        "at": plain(moment) if moment else "",
        "sections": sections,
        "changes": [plain(change_row(change)) for change in facts.changes(ref, limit=MAX_CHANGES)],
        "aliases": context.aliases(),
        "cli": shlex.join(["windlass", "facts", "show", shown.host_id, *(["--at", at] if at else [])]),
    }


def host_of_instance(context: PageContext, instance_id: str) -> Data | None:
    """Return what the page of an instance shows of its facts; None when no source reported on it."""
    try:
        shown = context.app.facts.host(instance_id)
        sections = context.app.facts.sections(instance_id)
    except NotFound:
        return None
    return _linked(plain(host_row(shown))) | {"sections": [plain(section_row(each, rows=False)) for each in sections]}


def _linked(row: Data) -> Data:
    return row | {"link": f"/hosts/{quote(row['host_id'], safe='')}"}
