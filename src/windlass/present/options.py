"""The options that several commands take: each is declared once, so that it has one name, one letter and one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import typer

from windlass.core.errors import UsageError
from windlass.core.units import parse_duration_s
from windlass.present.output import Format

__all__ = [
    "Account",
    "Accounts",
    "DryRun",
    "Duration",
    "ExitCode",
    "File",
    "Follow",
    "HealthHost",
    "HealthPort",
    "Limit",
    "Output",
    "Quiet",
    "Region",
    "Regions",
    "Settings",
    "Types",
    "Watch",
    "Where",
    "Yes",
    "pairs_of",
    "words_of",
]


class Duration(float):
    """Seconds given as `30s`, `10m`, `24h`, or a plain number of seconds; prints as it was written."""

    _text: str

    def __new__(cls, text: str | float) -> Self:
        """Parse; typer.BadParameter when the text is not a duration."""
        try:
            duration = super().__new__(cls, parse_duration_s(text))
        except UsageError as error:
            raise typer.BadParameter(f"{error.message}. {error.hint}") from None
        duration._text = text if isinstance(text, str) else f"{text:g}"
        return duration

    def __str__(self) -> str:
        return self._text


Output = Annotated[Format, typer.Option("--output", "-o", help="Format of the output.")]
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="COUNT", min=0, help="Maximum number of rows; 0 for all.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        "-w",
        metavar="CONDITION",
        help="Filter: tag:team=web, -tag:owner, owner:web, region=eu-west-1, Path.In.Document=value. Repeat for more: all must hold.",
    ),
]
Types = Annotated[
    list[str] | None,
    typer.Option("--type", "-t", metavar="TYPE", help="Only this resource type; `ec2.*` works. Repeat for more."),
]
Account = Annotated[
    str, typer.Option("--account", "-a", metavar="ID", help="The account; the caller's own by default.")
]
Accounts = Annotated[
    list[str] | None, typer.Option("--account", "-a", metavar="ID", help="Only this account. Repeat for more.")
]
Region = Annotated[
    str, typer.Option("--region", "-r", metavar="REGION", help="The region; estate.home_region by default.")
]
Regions = Annotated[
    list[str] | None, typer.Option("--region", "-r", metavar="REGION", help="Only this region. Repeat for more.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done, without doing it.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Watch = Annotated[bool, typer.Option("--watch", help="Wait until the change is complete, and show its progress.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Keep printing until the end.")]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit 3 when there are results.")]
File = Annotated[Path, typer.Option("--file", metavar="FILE", help="The file to write.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--setting", metavar="KEY=VALUE", help="A setting of the consumer, as in [[consume]]. Repeat for more."
    ),
]
HealthHost = Annotated[str, typer.Option("--health-host", metavar="HOST", help="Address of the health port.")]
HealthPort = Annotated[
    int | None,
    typer.Option(
        "--health-port",
        metavar="PORT",
        min=0,
        max=65535,
        help="Serve /healthz, /readyz and /metrics on this port; 0 takes a free one. None by default.",
    ),
]


def words_of(text: str) -> tuple[str, ...]:
    """Split an option that takes several words, written with commas or spaces between them."""
    return tuple(text.replace(",", " ").split())


def pairs_of(texts: list[str] | None) -> dict[str, str]:
    """Read `key=value` options; UsageError for a text without a key or an equals sign."""
    pairs: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{text!r} is not a tag", hint="Write key=value.")
        pairs[key] = value
    return pairs
