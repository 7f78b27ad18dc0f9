"""Progress on stderr: a bar on a terminal, a line every five seconds elsewhere, nothing with `quiet`."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from windlass.core.units import format_duration

__all__ = ["ProgressLine"]

_INTERVAL_S = 5.0


class ProgressLine:
    """`with ProgressLine("collecting") as line: line.update(done, total, "…")`; calls may come from any thread."""

    def __init__(self, title: str, *, quiet: bool = False) -> None:
        self._title = title
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._printed_at = 0.0
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[detail]}", style="dim"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=None, detail="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, done: int, total: int, detail: str = "") -> None:
        """Show `done` of `total` with a detail; totals may grow."""
        if self._bar:
            self._bar.update(self._task, completed=done, total=total or None, detail=detail)
        elif not self._quiet and time.monotonic() - self._printed_at >= _INTERVAL_S:
            self._printed_at = time.monotonic()
            spent = format_duration(self._printed_at - self._started)
            count = (
                f"{done:,} of {total:,}" if total else f"{done:,}"
            )  # the total of a listing is not known before its end
            print(f"{self._title}: {count} after {spent} {detail}".rstrip(), file=sys.stderr, flush=True)
