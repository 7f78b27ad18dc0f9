"""`windlass inventory runs`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.core import clock
from windlass.inventory.commands.options import open_inventory
from windlass.present.options import Limit, Output
from windlass.present.output import ALL, Column, Format, emit

__all__ = ["runs"]

_SCOPE_COLUMNS: tuple[object, ...] = (
    "account_id",
    "region",
    "type",
    "state",
    "state_since",
    "last_good_at",
    Column("resources", right=True),
    Column("details_unknown", right=True),
    "error_code",
    "error",
)
_COUNTS = ("scopes_done", "resources", "created", "updated", "deleted", "calls", "errors")
_RUN_COLUMNS: tuple[object, ...] = (
    "run_id",
    "started_at",
    "status",
    Column("duration_s", right=True),
    *(Column(key, right=True) for key in _COUNTS),
)
_WORKER_COLUMNS: tuple[object, ...] = (
    "host",
    "state",
    "started_at",
    "finished_at",
    Column("batches", right=True),
    *(Column(key, right=True) for key in _COUNTS),
)


def runs(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Show the scopes of this run.")] = "",
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="Show scopes in this state: denied, timeout, …")
    ] = "",
    workers: Annotated[
        bool, typer.Option("--workers", help="Show the processes that scan, or scanned, the run.")
    ] = False,
    limit: Limit = 20,
    output: Output = Format.TABLE,
) -> None:
    """List collections; or the scopes of one collection with their states and errors, or its processes.

    Examples:
      windlass inventory runs --workers
      windlass inventory runs --state denied -n 0 -o json
    """
    from windlass.core.suggest import unknown_word
    from windlass.inventory import rows
    from windlass.inventory.model import ScopeState

    inventory, now = open_inventory(ctx), clock.now()
    if state and state not in set(ScopeState):
        raise unknown_word("state", state, map(str, ScopeState))
    if workers:
        latest = run_id or next((run.run_id for run in inventory.runs(1)), "")
        joined = inventory.run_workers(latest) if latest else ()
        emit((rows.worker_row(worker) for worker in joined), output, _WORKER_COLUMNS, now=now, empty=rows.NOTHING_YET)
        return
    if run_id or state:
        scopes = inventory.run_scopes(run_id) if run_id else inventory.scopes()
        chosen = (rows.status_row(scope) for scope in scopes if not state or str(scope.state) == state)
        emit(chosen, output, _SCOPE_COLUMNS, now=now, limit=0 if run_id else limit, empty="No scope matches.")
        return
    listed = (rows.run_row(run) for run in inventory.runs(limit or ALL))
    emit(listed, output, _RUN_COLUMNS, now=now, empty=rows.NOTHING_YET)
