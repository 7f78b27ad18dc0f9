"""The confirmation of a change to the trail: it lists the calls and asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windlass.present.confirmation import require_confirmation
from windlass.present.output import Format, emit

if TYPE_CHECKING:
    from windlass.clients.trail import TrailCall

__all__ = ["agreed"]


def agreed(actions: tuple[TrailCall, ...], action: str, *, dry_run: bool, yes: bool) -> bool:
    """List the calls and ask for confirmation; False for a dry run."""
    rows = [
        {"service": action.service, "operation": action.operation, "why": action.why, "params": dict(action.params)}
        for action in actions
    ]
    columns = ("service", "operation", "why")
    emit(rows, Format.TABLE, (*columns, "params") if dry_run else columns)
    if not dry_run:
        require_confirmation(action, yes=yes)
    return not dry_run
