"""Let old and current programs call S3 for two simulated weeks, recorded by a trail; print where its log is (s3://…).

examples:
  windlass-local old-clients --url http://127.0.0.1:8471 --account 111111111111
  windlass-local old-clients --url http://127.0.0.1:8471 --account 111111111111 --region eu-west-1
"""

from __future__ import annotations

import argparse

from windlass_local.commands.options import add_url
from windlass_local.sample_estate.old_clients import simulate_old_clients

__all__ = ["NAME", "add_options", "run"]

NAME = "old-clients"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_url(parser)
    parser.add_argument("--account", required=True, help="Account of the programs; it has the sample estate.")
    parser.add_argument("--region", default="us-east-1", help="Region of the programs. [default: us-east-1]")


def run(options: argparse.Namespace) -> None:
    """Make the calls; the location of the trail's log is the only line on stdout."""
    print(simulate_old_clients(options.url, account_id=options.account, region=options.region), flush=True)
