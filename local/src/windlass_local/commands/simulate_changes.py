"""Change the sample estate at random until Ctrl-C, as other teams would: objects, tags, instances, queues, roles.

examples:
  windlass-local simulate-changes --url http://127.0.0.1:8471
  windlass-local simulate-changes --url http://127.0.0.1:8471 --changes-per-minute 120
"""

from __future__ import annotations

import argparse
import threading

from windlass_local.commands.options import add_url, stop_with_stdin
from windlass_local.simulated_changes import simulate_changes

__all__ = ["NAME", "add_options", "run"]

NAME = "simulate-changes"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_url(parser)
    parser.add_argument(
        "--random-seed", type=int, default=7, help="The same number gives the same changes. [default: 7]"
    )
    parser.add_argument("--changes-per-minute", type=float, default=20.0, help="Rate of changes. [default: 20]")
    parser.add_argument("--until-stdin-closes", action="store_true", help="Stop when stdin ends.")


def run(options: argparse.Namespace) -> None:
    """Make changes until Ctrl-C, or until stdin ends."""
    stop = threading.Event()
    if options.until_stdin_closes:
        stop_with_stdin(stop)
    simulate_changes(
        options.url, random_seed=options.random_seed, rate_per_minute=options.changes_per_minute, stop=stop
    )
