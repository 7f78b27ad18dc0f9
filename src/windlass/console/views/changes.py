"""The feed of changes, filtered by kind, type, account, region and time."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import timedelta

from windlass.console.desk import Desk
from windlass.console.views.links import Data, Params, command, first, hidden, link, many_of, query_of, toggled
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import parse_time, parse_when
from windlass.inventory import rows
from windlass.inventory.model import ChangeKind

__all__ = ["changes"]

_PAGE = 50
_SINCE = ("1h", "24h", "7d", "30d")


def changes(desk: Desk, params: Params) -> Data:
    """A page of revisions, the days they fall in, and the filters."""
    now = clock.now()
    since, until = first(params, "since", "7d"), first(params, "until")
    kinds = tuple(ChangeKind(kind) for kind in many_of(params, "kind", ChangeKind))
    query = replace(query_of(params, limit=_PAGE), cursor="")
    desk.check(query)
    found, cursor = desk.inventory.changes(
        since=parse_when(since, at=now),
        until=parse_when(until, at=now) if until else None,
        kinds=kinds,
        limit=_PAGE,
        query=query,
        cursor=first(params, "cursor"),
    )
    stats, aliases = desk.stats(), desk.aliases()
    return {
        "items": [plain(rows.revision_row(one)) for one in found],
        "aliases": aliases,
        "days": [day | {"link": _day(params, day["day"])} for day in stats["changes_by_day"]],
        "since": since,
        "until": until,
        "spans": [
            {"name": one, "chosen": one == since and not until, "link": link("/changes", params, since=one, until="")}
            for one in _SINCE
        ],
        "kinds": [
            {
                "name": str(one),
                "chosen": one in kinds,
                "link": link("/changes", params, kind=toggled([str(kind) for kind in kinds], str(one))),
            }
            for one in ChangeKind
        ],
        "choices": [
            {"name": name, "title": title, "chosen": first(params, name), "values": values}
            for name, title, values in (
                ("type", "Type", [(one, one) for one in sorted(stats["by_type"])]),
                ("account", "Account", [(one, aliases.get(one, one)) for one in sorted(stats["by_account"])]),
                ("region", "Region", [(one, one) for one in sorted(stats["by_region"])]),
            )
        ],
        "hidden": hidden(params, "type", "account", "region"),
        "filtered": bool(kinds or until or any(first(params, one) for one in ("type", "account", "region"))),
        "next": link("/changes", params, cursor=cursor) if cursor else "",
        "cli": _command(params, since, kinds),
    }


def _day(params: Params, day: str) -> str:
    following = (parse_time(day) + timedelta(days=1)).date().isoformat()
    return link("/changes", params, since=day, until=following)


def _command(params: Params, since: str, kinds: tuple[ChangeKind, ...]) -> str:
    words = [word for kind in kinds for word in ("--kind", str(kind))]
    text = command("inventory", "changes", params=params, options={"--since": since})
    return f"{text} {shlex.join(words)}" if words else text
