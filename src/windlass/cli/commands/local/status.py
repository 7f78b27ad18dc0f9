"""`windlass local status`."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from typing import Annotated, Any

import typer

from windlass.cli.context import loaded_settings
from windlass.core.errors import AwsError
from windlass.core.units import format_bytes, format_duration
from windlass.present.options import Output
from windlass.present.output import Column, Format, emit, emit_value

__all__ = ["Url", "read_page", "status"]

Url = Annotated[str, typer.Option("--url", help="Address of the embedded AWS; the configured port when not given.")]


def status(ctx: typer.Context, url: Url = "", output: Output = Format.TABLE) -> None:
    """Show what a running embedded AWS has done: calls by service, memory, uptime.

    Examples:
      windlass local status
      windlass local status --url http://127.0.0.1:9000 -o json
    """
    settings = loaded_settings(ctx).settings
    address = url or f"http://127.0.0.1:{settings.local.port}"
    facts = read_page(address, "/_windlass/status", settings.estate.endpoint_secret)
    if output is not Format.TABLE:
        emit_value(facts)
        return
    uptime = format_duration(facts["uptime_s"])
    print(f"{address}: up {uptime}, {format_bytes(facts['rss_bytes'])}, {facts['calls']:,} calls", file=sys.stderr)
    rows = ({"service": name, "calls": count} for name, count in sorted(facts["calls_by_service"].items()))
    emit(rows, output, ["service", Column("calls", right=True)], empty="No calls yet.")


def read_page(url: str, path: str, secret: str = "") -> dict[str, Any]:
    """Return one of the embedded AWS's own JSON pages. AwsError when it is not running or refuses the request."""
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    request = urllib.request.Request(url + path, headers=headers)  # noqa: S310  the user's own loopback URL
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310  the same
            page: dict[str, Any] = json.load(response)
            return page
    except urllib.error.HTTPError as error:
        error.close()
        raise AwsError(
            f"the embedded AWS at {url} refuses {path}: {error}",
            hint="A server with --require-signature needs estate.endpoint_secret: set it to the secret that it printed.",
        ) from None
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise AwsError(
            f"no embedded AWS answers at {url}: {error}", hint="Start it with `windlass local up`."
        ) from None
