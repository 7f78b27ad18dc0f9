"""The argument and the last lines that the imports share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from windlass.core.errors import PartialFailure

if TYPE_CHECKING:
    from windlass.inventory.imports.service import ImportResult

__all__ = ["Location", "show_result"]

Location = Annotated[
    str, typer.Argument(metavar="LOCATION", help="s3://BUCKET/PREFIX, or a folder or file on this machine.")
]


def show_result(result: ImportResult, *, dry_run: bool) -> None:
    """Print what was imported. PartialFailure when files could not be read."""
    done = f"; {result.done_before:,} files were imported before" if result.done_before else ""
    left_out = f", {result.left_out:,} of other types" if result.left_out else ""
    if dry_run:
        print(f"would import {result.files:,} files with {result.items:,} items{left_out}{done}")
    else:
        print(
            f"imported {result.files:,} files with {result.items:,} items{left_out}: {result.revisions:,} revisions{done}",
            file=sys.stderr,
        )
    for location, failure in sorted(result.failures.items()):
        print(f"{location}: {failure}", file=sys.stderr)
    if result.failures:
        raise PartialFailure(
            f"{len(result.failures):,} files could not be read", hint="Run the import again: it reads only these."
        )
