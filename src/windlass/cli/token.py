"""`windlass token`: create, list, revoke tokens of the console and API."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.cli.context import open_app
from windlass.core import clock
from windlass.present.output import Format, emit

app = typer.Typer(no_args_is_help=True, help="Make and revoke tokens of the console and API.", rich_markup_mode=None)
