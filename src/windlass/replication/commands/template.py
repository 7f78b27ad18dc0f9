"""`windlass replicate template`."""

from __future__ import annotations

from typing import Annotated

import typer

from windlass.replication.commands.options import Language
from windlass.replication.model import Operation

__all__ = ["template"]


def template(
    operation: Annotated[
        Operation, typer.Option("--operation", help="The operation of the job.")
    ] = Operation.REPLICATE,
    output: Annotated[Language, typer.Option("--output", "-o", help="Format: toml or json.")] = Language.TOML,
) -> None:
    """Print the template of a batch job, every key with its meaning, to edit and pass with --template.

    Examples:
      windlass replicate template
      windlass replicate template --operation copy -o json
    """
    from windlass.replication.methods.batch.template import Template, print_template

    print(print_template(Template(operation=operation), as_json=output is Language.JSON), end="")
