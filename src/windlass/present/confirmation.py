"""Confirmation before a write that cannot be undone, or that affects many items."""

from __future__ import annotations

import sys

import typer

from windlass.core.errors import UsageError

__all__ = ["confirmed", "require_confirmation"]


def confirmed(action: str, *, yes: bool, dry_run: bool) -> bool:
    """Decide whether to do `action`, a phrase such as "delete 3 messages of orders-dlq".

    With `dry_run`, print "would …" and return False. With `yes`, return True. On a terminal, ask there; typer.Abort
    when the answer is no. UsageError when there is no terminal to ask on.
    """
    if dry_run:
        print(f"would {action}")
        return False
    require_confirmation(action, yes=yes)
    return True


def require_confirmation(action: str, *, yes: bool, terminal_only: bool = False) -> None:
    """Return when the user agrees to `action`; typer.Abort when they decline.

    Without a terminal it raises a UsageError, or agrees when `terminal_only`: for mass writes that destroy nothing,
    which scripts have always run unattended.
    """
    if yes or (terminal_only and not sys.stdin.isatty()):
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"confirmation is needed to {action}, and there is no terminal to ask on",
            hint="Add --yes to do it, or --dry-run to see what would be done.",
        )
    typer.confirm(f"{action[:1].upper()}{action[1:]}?", abort=True, err=True)
