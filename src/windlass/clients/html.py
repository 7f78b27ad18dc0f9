"""The report as one self-contained HTML file: no script, no external resource, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from jinja2 import Environment, PackageLoader, StrictUndefined

from windlass.clients.agents import parse_agent
from windlass.clients.coverage import Coverage
from windlass.clients.model import RequestCount, S3Client, UnreadFile
from windlass.clients.rows import client_row
from windlass.clients.svg import by_day, series

__all__ = ["SIGNATURE_CLASSES", "render_report"]

SIGNATURE_CLASSES = {"SigV4": "good", "SigV2": "bad", "unknown": "other"}


def render_report(
    clients: Sequence[S3Client],
    *,
    on: date,
    counts: Sequence[RequestCount],
    signatures: Sequence[tuple[str, str, int]],
    unread_files: Sequence[UnreadFile],
    coverage: Coverage,
) -> str:
    """Return the page. All texts from logs are escaped: any sender can choose the agent."""
    environment = Environment(
        loader=PackageLoader("windlass.clients"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    names, _ = series(signatures)
    return environment.get_template("report.html").render(
        clients=[client_row(client) for client in clients],
        on=on.isoformat(),
        total=sum(count.requests for count in counts),
        excluded=sum(count.requests for count in counts if count.exclusion),
        unknown=sum(
            count.requests for count in counts if not count.exclusion and not parse_agent(count.agent).client.id
        ),
        chart=by_day(signatures, SIGNATURE_CLASSES, "Requests by day and signature"),
        legend=[(name, SIGNATURE_CLASSES.get(name, "other")) for name in names],
        unread_files=unread_files,
        coverage=coverage,
    )
