"""`windlass inventory changes`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.inventory.commands.options import Since, TypeNames, checked_query, empty_text, open_inventory
from windlass.present.options import Accounts, Limit, Output, Regions, Types, Where
from windlass.present.output import ALL, Format, emit

__all__ = ["changes"]


def changes(
    ctx: typer.Context,
    names: TypeNames = None,
    since: Since = "7d",
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="CHANGE", help="Only created, updated or deleted. Repeat for more."),
    ] = None,
    actor: Annotated[
        str, typer.Option("--actor", metavar="TEXT", help="Only changes by callers whose ARN has this text.")
    ] = "",
    types: Types = None,
    accounts: Accounts = None,
    regions: Regions = None,
    where: Where = None,
    limit: Limit = 100,
    output: Output = Format.TABLE,
) -> None:
    """List the estate's changes, newest first.

    Examples:
      windlass inventory changes --since 24h
      windlass inventory changes s3.bucket --since 30d -w tag:team --actor assumed-role/deploy -o csv
    """
    from windlass.core.suggest import unknown_word
    from windlass.inventory.model import ChangeKind
    from windlass.inventory.rows import revision_row

    now, inventory = clock.now(), open_inventory(ctx)
    query = checked_query(inventory, [*(names or ()), *(types or ())], where, accounts=accounts, regions=regions)
    start = clock.parse_when(since, at=now)
    unknown = [change for change in kind or () if change not in set(ChangeKind)]
    if unknown:
        raise unknown_word("change", unknown[0], map(str, ChangeKind))
    kinds = tuple(map(ChangeKind, kind or ()))
    revisions, _ = inventory.changes(since=start, query=query, kinds=kinds, actor=actor, limit=limit or ALL)
    columns = ("valid_from", "change", "type", "name", "account_id", "region", "summary", "actor")
    empty = empty_text(inventory, "No changes in that time.")
    emit((revision_row(revision) for revision in revisions), output, columns, now=now, empty=empty)
