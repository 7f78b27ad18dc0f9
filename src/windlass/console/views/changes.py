"""The Changes page: the feed of changes, filtered by kind, type, account, region, actor and time."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import timedelta

from windlass.console.page_context import PageContext
from windlass.console.views.links import Data, Params, command, first, hidden, link, many_of, query_of, toggled
from windlass.core import clock
from windlass.core.canonical import plain
from windlass.core.clock import parse_time, parse_when
from windlass.inventory import rows
from windlass.inventory.model import ChangeKind

__all__ = ["changes"]

PAGE_ROWS = 50
PERIODS = ("1h", "24h", "7d", "30d")


def changes(context: PageContext, params: Params) -> Data:
    """Return one page of revisions, the number of changes by day, and the filters."""
    now = clock.now()
    since, until = first(params, "since", "7d"), first(params, "until")
    kinds = tuple(ChangeKind(kind) for kind in many_of(params, "kind", ChangeKind))
    query = replace(query_of(params, limit=PAGE_ROWS), cursor="")
    context.check(query)
    revisions, cursor = context.inventory.changes(
        since=parse_when(since, at=now),
        until=parse_when(until, at=now) if until else None,
        kinds=kinds,
        actor=first(params, "actor"),
        limit=PAGE_ROWS,
        query=query,
        cursor=first(params, "cursor"),
    )
    stats, aliases = context.stats(), context.aliases()
    return {
        "items": [plain(rows.revision_row(revision)) for revision in revisions],
        "aliases": aliases,
        "days": [day | {"link": _day(params, day["day"])} for day in stats["changes_by_day"]],
        "since": since,
        "until": until,
        "spans": [
            {
                "name": span,
                "chosen": span == since and not until,
                "link": link("/changes", params, since=span, until=""),
            }
            for span in PERIODS
        ],
        "kinds": [
            {
                "name": str(kind),
                "chosen": kind in kinds,
                "link": link("/changes", params, kind=toggled([str(other) for other in kinds], str(kind))),
            }
            for kind in ChangeKind
        ],
        "choices": [
            {"name": name, "title": title, "chosen": first(params, name), "values": values}
            for name, title, values in (
                ("type", "Type", [(name, name) for name in sorted(stats["by_type"])]),
                (
                    "account",
                    "Account",
                    [(account, aliases.get(account, account)) for account in sorted(stats["by_account"])],
                ),
                ("region", "Region", [(region, region) for region in sorted(stats["by_region"])]),
            )
        ],
        "hidden": hidden(params, "type", "account", "region"),
        "changed_by": first(params, "actor"),
        "filtered": bool(kinds or until or any(first(params, name) for name in ("type", "account", "region", "actor"))),
        "next": link("/changes", params, cursor=cursor) if cursor else "",
        "cli": _command(params, since, kinds),
    }


def _day(params: Params, day: str) -> str:
    following = (parse_time(day) + timedelta(days=1)).date().isoformat()
    return link("/changes", params, since=day, until=following)


def _command(params: Params, since: str, kinds: tuple[ChangeKind, ...]) -> str:
    words = [word for kind in kinds for word in ("--kind", str(kind))]
    text = command("inventory", "changes", params=params, options={"--since": since, "--actor": first(params, "actor")})
    return f"{text} {shlex.join(words)}" if words else text
