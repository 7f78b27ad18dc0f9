"""Play scenarios of the demo against a running embedded AWS until Ctrl-C: what other programs do in an account.

When everything is prepared, a line on stdout has its JSON, by scenario. A line `NAME ACTION` on stdin starts an action.

examples:
  windlass-local scenario arrivals papers --url http://127.0.0.1:8471 --account 111111111111
  windlass-local scenario replicas --url http://127.0.0.1:8471 --account 111111111111
"""

from __future__ import annotations

import argparse
import json
import sys
import threading

from windlass_local.account_client import AccountClient
from windlass_local.commands.options import add_url
from windlass_local.scenarios import SCENARIOS

__all__ = ["NAME", "add_options", "run"]

NAME = "scenario"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "names", nargs="+", choices=sorted(SCENARIOS), metavar="NAME", help=", ".join(sorted(SCENARIOS))
    )
    add_url(parser)
    parser.add_argument("--account", required=True, help="Account in which the programs run.")


def run(options: argparse.Namespace) -> None:
    """Prepare the scenarios, play each on a thread, and stop when stdin ends."""
    stop = threading.Event()
    with AccountClient(options.url, options.account) as aws:
        print(json.dumps({name: SCENARIOS[name].prepare(aws) for name in options.names}), flush=True)
        threads = [
            threading.Thread(target=SCENARIOS[name].play, args=(aws, stop), name=name, daemon=True)
            for name in options.names
        ]
        for thread in threads:
            thread.start()
        try:
            for line in sys.stdin:
                name, _, action = line.strip().partition(" ")
                SCENARIOS[name].act(aws, action)
                print(line.strip(), flush=True)
        finally:
            stop.set()
            for thread in threads:
                thread.join(5)
