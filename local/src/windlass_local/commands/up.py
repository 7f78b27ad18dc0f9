"""Serve the embedded AWS on a loopback port until Ctrl-C. The first line on stdout is its URL.

examples:
  windlass-local up --port 8471
  windlass-local up --no-populate --require-signature
"""

from __future__ import annotations

import argparse
import sys
import threading

from windlass_local.commands.options import add_populate
from windlass_local.commands.populate import populate_with_progress
from windlass_local.server import Access, LocalServer
from windlass_local.simulated_changes import simulate_changes

__all__ = ["NAME", "add_options", "run"]

NAME = "up"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    boolean = argparse.BooleanOptionalAction
    parser.add_argument("--port", type=int, default=8471, help="Port; 0 takes a free one. [default: 8471]")
    parser.add_argument("--populate", action=boolean, default=True, help="Create the sample estate. [default: yes]")
    add_populate(parser)
    parser.add_argument(
        "--changes-per-minute", type=float, default=0.0, help="Random changes to simulate. [default: 0, none]"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        help="Also accept this host name; *.NAME accepts its subdomains. Repeat for more.",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        help="Let pages of this origin read S3 according to CORS rules. Repeat for more.",
    )
    parser.add_argument(
        "--require-signature",
        action=boolean,
        default=False,
        help="Accept only requests signed (SigV4) with a new secret, which is printed as the second line on stdout.",
    )
    parser.add_argument("--moto-api", action="store_true", help="Serve moto's control API (/moto-api/reset …).")
    parser.add_argument(
        "--cache-node-s", type=float, default=None, help="Seconds an ElastiCache node takes to be created or removed."
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="Stop when stdin ends.")


def run(options: argparse.Namespace) -> None:
    """Serve until Ctrl-C, or until stdin ends."""
    access = Access(
        hosts=tuple(options.allow_host),
        origins=tuple(options.allow_origin),
        require_signature=options.require_signature,
        moto_api=options.moto_api,
    )
    stop = threading.Event()
    with LocalServer(port=options.port, cache_node_s=options.cache_node_s, access=access) as server:
        try:  # from the first line on: whoever reads it may stop the server at once
            print(server.url, flush=True)
            if server.secret:
                print(f"AWS_SECRET_ACCESS_KEY={server.secret}", flush=True)
            if options.populate:
                populate_with_progress(server.url, options.random_seed, options.scale, secret="")
            if options.changes_per_minute > 0:
                _start_changes(server.url, options.random_seed, options.changes_per_minute, stop)
            _wait(until_stdin_closes=options.until_stdin_closes)
        except KeyboardInterrupt:
            print("Stopping.", file=sys.stderr)
        finally:
            stop.set()


def _start_changes(url: str, random_seed: int, rate_per_minute: float, stop: threading.Event) -> None:
    threading.Thread(
        target=simulate_changes,
        args=(url,),
        kwargs={"random_seed": random_seed, "rate_per_minute": rate_per_minute, "stop": stop},
        name="simulated-changes",
        daemon=True,
    ).start()


def _wait(*, until_stdin_closes: bool) -> None:
    if until_stdin_closes:
        sys.stdin.read()  # ends when the process that started us has ended, however it ended
        return
    print("The embedded AWS is running. Press Ctrl-C to stop it.", file=sys.stderr)
    threading.Event().wait()
