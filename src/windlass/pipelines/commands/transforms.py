"""`windlass pipeline transforms`."""

from __future__ import annotations

from windlass.present.options import Limit, Output
from windlass.present.output import Format, emit

__all__ = ["transforms"]


def transforms(limit: Limit = 0, output: Output = Format.TABLE) -> None:
    """List the built-in steps with their options.

    Examples:
      windlass pipeline transforms
      windlass pipeline transforms -n 5 -o json
    """
    from windlass.pipelines.rows import step_row
    from windlass.pipelines.steps import STEPS

    emit((step_row(step) for step in STEPS), output, ["step", "summary", "options", "needs"], limit=limit)
