"""`windlass store`: what an administrator does to the database."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.cli.context import open_app

app = typer.Typer(no_args_is_help=True, help="Prepare the database for people who read it.", rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Prepare the database for people who read it."""


@app.command()
def reader(
    ctx: typer.Context,
    role: Annotated[str, typer.Option(metavar="NAME", help="Name of the role; DATABASE_reader unless given.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL, for an administrator to run.")] = False,
) -> None:
    """Make the PostgreSQL role that `windlass inventory sql` runs as: it may read the published views, nothing else.

    Run it again after an upgrade that adds views, or to renew its password.

    Examples: `windlass store reader`, `windlass store reader --dry-run`.
    """
    from windlass.api.tokens import audit
    from windlass.core import clock
    from windlass.inventory.sql import PUBLISHED
    from windlass.store.reader import create_reader, reader_statements

    store = open_app(ctx).store
    if dry_run:
        print("".join(f"{statement};\n" for statement in reader_statements(store, tuple(PUBLISHED), role=role)), end="")
        return
    name = create_reader(store, tuple(PUBLISHED), role=role)
    audit(store, actor="command line", action="store.reader", target=name, now=clock.now())
    print(f"{name}: may read {', '.join(PUBLISHED)}, and nothing else (verified by logging in)")
