"""The command `windlass-local`: start the embedded AWS, populate it, and simulate what other programs do to it.

`python -m windlass_local` is the same. `windlass local` and `windlass demo` start these commands as processes.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from windlass_local import __version__
from windlass_local.commands import COMMANDS
from windlass_local.exceptions import LocalError

__all__ = ["main"]

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (those of the AWS CLI)."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        options.run(options)
    except LocalError as error:
        print(f"windlass-local: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _interrupt(signum: int, _: object) -> NoReturn:
    raise KeyboardInterrupt(signum)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="windlass-local", description="The embedded AWS, for development and tests.")
    parser.add_argument("--version", action="version", version=f"windlass-local {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        summary, _, examples = (command.__doc__ or "").partition("\n\n")
        subparser = subparsers.add_parser(
            command.NAME,
            help=summary,
            description=summary,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_options(subparser)
        subparser.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
