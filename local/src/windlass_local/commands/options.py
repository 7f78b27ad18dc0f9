"""Options and habits that several commands share."""

from __future__ import annotations

import argparse
import sys
import threading
import time

__all__ = ["ProgressText", "add_populate", "add_url", "stop_with_stdin"]

_INTERVAL_S = 1.0


def add_url(parser: argparse.ArgumentParser) -> None:
    """Add `--url`, the address of a running embedded AWS."""
    parser.add_argument("--url", required=True, help="Address of the embedded AWS, such as http://127.0.0.1:8471.")


def add_populate(parser: argparse.ArgumentParser) -> None:
    """Add the two options of the sample estate."""
    parser.add_argument(
        "--random-seed", type=int, default=7, help="The same number gives the same sample estate. [default: 7]"
    )
    parser.add_argument("--scale", type=int, default=1, help="Multiplies the sample estate. [default: 1]")


def stop_with_stdin(stop: threading.Event) -> None:
    """Set `stop` when stdin ends, on a thread: the parent process has ended."""

    def wait() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait, name="stdin", daemon=True).start()


class ProgressText:
    """Progress on stderr: one line that is rewritten on a terminal, else one line a second."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._printed = 0.0

    def update(self, stage: str, done: int, total: int) -> None:
        """Show `done` of `total` steps of the stage. Calls may come from any thread."""
        now = time.monotonic()
        if done < total and now - self._printed < _INTERVAL_S:
            return
        self._printed = now
        text = f"{self._title}: {done:,} of {total:,} {stage}"
        terminal = sys.stderr.isatty()
        print(f"\r{text}\x1b[K" if terminal else text, end="" if terminal and done < total else "\n", file=sys.stderr)
