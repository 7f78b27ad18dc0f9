"""The progress of running seeds: one live line each on a terminal, and each result on stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from windlass.core import clock
from windlass.core.units import format_duration
from windlass.replication.rows import line
from windlass.replication.seed.task import SeedTask

__all__ = ["SeedProgress"]

_PRINT_INTERVAL_S = 10.0
_SHOWN = 40


class SeedProgress:
    """Progress of seeds: `with SeedProgress() as progress: run(…, Callbacks(progress.show))`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live: Any = None
        self._ended: set[str] = set()
        self._printed_at = time.monotonic()

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), transient=True, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, seeds: Sequence[SeedTask]) -> None:
        """Show the progress of the seeds."""
        several = len(seeds) > 1
        for seed in seeds:
            if seed.state.ended and seed.seed_id not in self._ended:
                self._ended.add(seed.seed_id)
                print(f"{seed.pair.title}: {line(seed)}" if several else line(seed), flush=True)
                if seed.error:
                    print(f"  {seed.error}", file=sys.stderr, flush=True)
        running = [seed for seed in seeds if not seed.state.ended]
        if self._live is not None:
            self._live.update(_text(running))
        elif running and not self._quiet and time.monotonic() - self._printed_at >= _PRINT_INTERVAL_S:
            self._printed_at = time.monotonic()
            for seed in running[:_SHOWN]:
                print(_progress_line(seed), file=sys.stderr, flush=True)


def _text(running: Sequence[SeedTask]) -> Any:
    from rich.text import Text

    more = f"\nand {len(running) - _SHOWN} more" if len(running) > _SHOWN else ""
    return Text("\n".join(_progress_line(seed) for seed in running[:_SHOWN]) + more)


def _progress_line(seed: SeedTask) -> str:
    left = seed.eta_s(clock.now())
    words = f", {format_duration(left)} left" if left else ""
    return f"{seed.pair.title}: {line(seed)}{words}  {'' if seed.detail.startswith('State:') else seed.detail}".rstrip()
