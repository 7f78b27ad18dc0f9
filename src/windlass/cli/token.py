"""`windlass token`: create, list, revoke tokens of the console and API."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Make and revoke tokens of the console and API.", rich_markup_mode=None)
