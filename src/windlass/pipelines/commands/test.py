"""`windlass pipeline test`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from windlass.core.errors import PartialFailure
from windlass.pipelines.commands.options import PipelineName, open_pipelines
from windlass.present.options import Output
from windlass.present.output import Column, Format, emit

__all__ = ["test"]


def test(
    ctx: typer.Context,
    name: PipelineName,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files to transform; AWS is not called.")],
    folder: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Write the outputs below this folder.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Run a pipeline's transform on local files, and list the outputs.

    Examples:
      windlass pipeline test notes note.yaml
      windlass pipeline test notes note.yaml --to out -o json
    """
    from windlass.pipelines.local_files import transform_file

    (pipeline,) = open_pipelines(ctx).built([name])
    rows = [row for file in files for row in transform_file(pipeline, file, folder)]
    emit(rows, output, ["file", "target", Column("size", right=True), "content_type", "refused"])
    refused = sum(bool(row["refused"]) for row in rows)
    if refused:
        raise PartialFailure(
            f"{refused} of {len(files)} files were refused", hint="The column `refused` shows the reason."
        )
