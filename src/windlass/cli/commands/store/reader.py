"""`windlass store reader`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.cli.context import open_app
from windlass.core import clock
from windlass.present.options import DryRun

__all__ = ["reader"]


def reader(
    ctx: typer.Context,
    role: Annotated[str, typer.Option("--role", metavar="NAME", help="The role; DATABASE_reader by default.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Create the PostgreSQL role of `windlass inventory sql`: it may read the published views, and nothing else.

    Run it again after an upgrade that adds views, or to renew the password. --dry-run prints the SQL for an administrator.

    Examples:
      windlass store reader --dry-run
      windlass store reader --role inventory_reader
    """
    from windlass.inventory.sql import PUBLISHED
    from windlass.store.audit_log import audit
    from windlass.store.reader import create_reader, reader_statements

    store = open_app(ctx).store
    if dry_run:
        print("".join(f"{statement};\n" for statement in reader_statements(store, tuple(PUBLISHED), role=role)), end="")
        return
    name = create_reader(store, tuple(PUBLISHED), role=role)
    audit(store, actor="command line", action="store.reader", target=name, now=clock.now())
    print(f"{name}: may read {', '.join(PUBLISHED)}, and nothing else (verified by logging in)")
