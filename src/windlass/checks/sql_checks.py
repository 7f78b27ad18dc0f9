"""Checks that are a query: the ids that it returns fail, and the other resources of the type pass.

While a type that the query reads was not read completely, what it returns is unknown (what seems to be missing may exist),
and so is the account whose resources it may lack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from windlass.checks.model import Check, Status
from windlass.checks.subjects import COMPLETE, scope_states
from windlass.checks.tables import check_finding
from windlass.core.canonical import canonical_json
from windlass.core.errors import ConfigError, UsageError
from windlass.inventory.sql import run_sql
from windlass.inventory.tables import account_state, resource
from windlass.store.engine import Store

__all__ = ["failing_ids", "write_sql_findings"]

_MAX_ROWS = 1_000_000
_BATCH = 400


def failing_ids(store: Store, check: Check) -> list[int]:
    """Return the ids that the query of a check returns. ConfigError for a query that fails or returns something else."""
    try:
        table = run_sql(store, check.sql, limit=_MAX_ROWS)
    except UsageError as error:
        raise ConfigError(f"{check.id}: {error.message}", hint=error.hint) from None
    if table.columns != ("id",) or not all(isinstance(row[0], int) for row in table.rows):
        raise ConfigError(
            f"{check.id}: the query returns {', '.join(table.columns)}",
            hint="It returns one column, id, of the view resources: SELECT id FROM resources WHERE …",
        )
    return [row[0] for row in table.rows]


def write_sql_findings(connection: Connection, check: Check, ids: Sequence[int], when: str) -> None:
    """Replace the findings of a check by what its query returned. A finding that stays keeps its `since`."""
    ours = check_finding.c.check_id == check.id
    known = {
        (row.account_id, row.resource_row_id): row for row in connection.execute(select(check_finding).where(ours))
    }
    states = scope_states(connection, [check.type, *check.reads])
    unread = _unread_accounts(connection, states, len({check.type, *check.reads}))
    found: list[tuple[str, int, Status]] = [(account, 0, Status.UNKNOWN) for account in sorted(unread)]
    status = Status.UNKNOWN if unread else Status.FAIL
    for start in range(0, len(ids), _BATCH):
        statement = select(resource.c.id, resource.c.account_id).where(
            resource.c.id.in_(ids[start : start + _BATCH]),
            resource.c.type == check.type,
            resource.c.deleted_at.is_(None),
        )
        found += [(row.account_id, row.id, status) for row in connection.execute(statement)]
    connection.execute(delete(check_finding).where(ours))
    values = [
        {
            "check_id": check.id,
            "account_id": account_id,
            "resource_row_id": row_id,
            "status": str(status),
            "since": before.since if before is not None and before.status == status else when,
            "actor": before.actor if before is not None and before.status == status else "",
            "unread": canonical_json([check.type, *check.reads] if status is Status.UNKNOWN else []),
        }
        for account_id, row_id, status in found
        for before in (known.get((account_id, row_id)),)
    ]
    if values:
        connection.execute(insert(check_finding), values)


def _unread_accounts(connection: Connection, states: Mapping[str, Iterable[str]], kinds: int) -> set[str]:
    """Return the accounts of which a type was not read, or not completely."""
    accounts = connection.execute(select(account_state.c.account_id)).scalars().all()
    complete = {
        account
        for account, of_account in states.items()
        if len(list(of_account)) >= kinds and all(state in COMPLETE for state in of_account)
    }
    return set(accounts) - complete
