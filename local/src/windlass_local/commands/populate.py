"""Create the sample estate in a running embedded AWS: three accounts, four regions, the same for the same random seed.

examples:
  windlass-local populate --url http://127.0.0.1:8471
  windlass-local populate --url http://127.0.0.1:8471 --random-seed 11 --scale 10
"""

from __future__ import annotations

import argparse
import os
import sys

from windlass_local.commands.options import ProgressText, add_populate, add_url
from windlass_local.sample_estate import populate

__all__ = ["NAME", "SECRET_VARIABLE", "add_options", "populate_with_progress", "run"]

NAME = "populate"
SECRET_VARIABLE = "EMBEDDED_AWS_SECRET"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_url(parser)
    add_populate(parser)


def run(options: argparse.Namespace) -> None:
    """Create the estate. The secret of a server with `--require-signature` is in the variable EMBEDDED_AWS_SECRET."""
    populate_with_progress(options.url, options.random_seed, options.scale, os.environ.get(SECRET_VARIABLE, ""))


def populate_with_progress(url: str, random_seed: int, scale: int, secret: str) -> None:
    """Create the estate and print what was created on stderr."""
    progress = ProgressText("populating")
    summary = populate(url, random_seed=random_seed, scale=scale, secret=secret, progress=progress.update)
    print(f"Created {sum(summary.counts.values()):,} resources of {len(summary.counts)} types.", file=sys.stderr)
