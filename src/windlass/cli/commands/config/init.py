"""`windlass config init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from windlass.core.errors import Conflict
from windlass.present.options import DryRun

__all__ = ["init"]


def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to write; - writes to stdout.")] = Path(
        "windlass.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Write a windlass.toml with every key, its meaning and its default, all commented out.

    Examples:
      windlass config init new.toml --dry-run
      windlass config init -
    """
    from windlass.settings.render import starter_file

    if str(path) == "-":
        print(starter_file(), end="")
        return
    if path.exists() and not force:
        raise Conflict(f"{path} exists", hint="Give another path, or --force to overwrite it.")
    if not dry_run:
        path.write_text(starter_file(), "utf-8")
    print(f"{'would write' if dry_run else 'wrote'} {path}")
