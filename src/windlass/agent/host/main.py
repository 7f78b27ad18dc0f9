"""The command line of the agent: read the facts, deliver them, keep what cannot be delivered."""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import re
import ssl
import sys
import time
from urllib.parse import urlsplit

from .commands import ReadError, read_text
from .delivery import Delivery, DeliveryFailed, Spool
from .report import read_report

__all__ = ["main"]

TOKEN_FILE = "/etc/windlass/agent-token"
SPOOL = "/var/lib/windlass-agent"
DELIVERED, SPOOLED, MISCONFIGURED = 0, 1, 2
_TOKEN = re.compile(r"[!-~]{8,512}")


def main(arguments: list[str] | None = None) -> int:
    """Run the agent. Exit codes: 0 delivered, 1 spooled or refused, 2 misconfigured."""
    options = _parser().parse_args(arguments)
    if options.print:
        try:
            print(json.dumps(read_report(), indent=1, sort_keys=True))
        except ReadError as error:
            return _fail(str(error))
        return DELIVERED
    parts = urlsplit(options.server)
    is_local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        return _fail("--server must be an https URL (http only on loopback): a token is sent there")
    token = (os.environ.get("WINDLASS_AGENT_TOKEN") or read_text(options.token_file)).strip()
    if not _TOKEN.fullmatch(token):
        return _fail("there is no valid token in %s or $WINDLASS_AGENT_TOKEN" % options.token_file)
    try:
        delivery = Delivery(options.server, token, options.ca_file)
    except (OSError, ssl.SSLError):
        return _fail("the certificate authorities in %s cannot be read" % options.ca_file)
    spool = Spool(options.spool)
    while True:
        code = _run(delivery, spool)
        if not options.interval:
            return code
        time.sleep(options.interval)


def _run(delivery: Delivery, spool: Spool) -> int:
    """Read one report and deliver what waits, the oldest first. The first failure that is not final ends the attempt."""
    try:
        spool.add(json.dumps(read_report()).encode())
    except ReadError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail("the spool folder cannot be written: %s. Choose another with --spool." % error.strerror)
    code = DELIVERED
    for path in spool.waiting():
        try:
            with open(path, "rb") as file:
                body = file.read()
            delivery.send(body)
        except FileNotFoundError:
            continue
        except DeliveryFailed as error:
            print("windlass-agent: %s" % error, file=sys.stderr)
            code = SPOOLED
            if not error.is_final:
                print("windlass-agent: the report waits in the spool folder", file=sys.stderr)
                return code
        spool.remove(path)
    return code


def _fail(message: str) -> int:
    print("windlass-agent: %s" % message, file=sys.stderr)
    return MISCONFIGURED


def _parser() -> argparse.ArgumentParser:
    data = pkgutil.get_data(__package__ or "", "defaults.json") if __package__ == "windlass_agent" else None
    server = json.loads(data)["server"] if data else ""
    parser = argparse.ArgumentParser(prog="windlass-agent", description="Push the facts of this host to Windlass.")
    parser.add_argument("--server", default=server, help="URL of the API (default: %(default)s)")
    parser.add_argument("--token-file", default=TOKEN_FILE, help="file with the token (default: %(default)s)")
    parser.add_argument("--ca-file", default="", help="PEM file with the authorities of the server's certificate")
    parser.add_argument("--spool", default=SPOOL, help="folder for reports that wait (default: %(default)s)")
    parser.add_argument(
        "--interval", type=float, default=0, help="seconds between two reports; 0: one report, then exit"
    )
    parser.add_argument("--print", action="store_true", help="print the report instead of delivering it")
    return parser
