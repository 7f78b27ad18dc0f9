"""`windlass config`: show, init, validate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from windlass.cli.context import loaded_settings
from windlass.core.errors import Conflict
from windlass.present.output import Column, Format, emit

app = typer.Typer(no_args_is_help=True, help="Show, write and check windlass.toml.", rich_markup_mode=None)


@app.command()
def show(
    ctx: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Also show where each value comes from.")] = False,
    output: Annotated[Format, typer.Option("--output", "-o", help="Output format.")] = Format.TABLE,
) -> None:
    """Show every setting in force."""
    from windlass.settings.render import origin_rows

    columns = [Column("key"), Column("value"), *([Column("origin")] if origin else [])]
    keys = [column.key for column in columns]
    emit(({key: row[key] for key in keys} for row in origin_rows(loaded_settings(ctx))), output, columns)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="File to write; - for stdout.")] = Path("windlass.toml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
) -> None:
    """Write a windlass.toml with every key, its meaning and its default, all commented out."""
    from windlass.settings.render import starter_file

    if str(path) == "-":
        print(starter_file(), end="")
        return
    if path.exists() and not force:
        raise Conflict(f"{path} exists", hint="Give another path, or --force to overwrite it.")
    path.write_text(starter_file(), "utf-8")
    print(f"wrote {path}")


@app.command()
def validate(ctx: typer.Context) -> None:
    """Check the file, the environment and the options; every fault is listed at once."""
    loaded = loaded_settings(ctx)
    print(f"{loaded.file or 'no windlass.toml: defaults and environment'}: valid")
