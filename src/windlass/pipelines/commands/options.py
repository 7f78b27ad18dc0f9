"""The arguments that the verbs of `windlass pipeline` share, and the function that opens the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from windlass.present.commands import service

if TYPE_CHECKING:
    from windlass.pipelines.service import Pipelines

__all__ = ["AnyPipeline", "PipelineName", "open_pipelines"]

PipelineName = Annotated[str, typer.Argument(metavar="PIPELINE", help="The pipeline's name.")]
AnyPipeline = Annotated[str, typer.Argument(metavar="PIPELINE", help="Only this pipeline.")]


def open_pipelines(ctx: typer.Context) -> Pipelines:
    """Open the service."""
    return cast("Pipelines", service(ctx, "pipelines"))
