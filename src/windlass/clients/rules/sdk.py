"""SDKs past AWS's end of support. A scan keeps every client with an end of support, past or future."""

from __future__ import annotations

from datetime import date

from windlass.clients.model import Level, RuleFinding, S3RequestFacts
from windlass.clients.sdks import end_of, sdks
from windlass.clients.versions import pack

__all__ = ["LEVEL", "TITLE", "evaluate", "matches", "sql"]

TITLE = "SDK past its end of support"
LEVEL = Level.FINDING


def matches(facts: S3RequestFacts) -> bool:
    """True when support of the client's version has ended or has a known end."""
    client = facts.parsed.client
    sdk = sdks().get(client.id)
    return sdk is not None and end_of(sdk.ends, client.numbers) is not None


def evaluate(facts: S3RequestFacts, on: date) -> RuleFinding | None:
    """Return the finding when support has ended by that day, else None."""
    client = facts.parsed.client
    sdk = sdks().get(client.id)
    end = end_of(sdk.ends, client.numbers) if sdk else None
    if sdk is None or end is None or not end.is_past(on):
        return None
    when = f"since {end.day.isoformat()}" if end.day else "on a day that AWS does not publish"
    return RuleFinding(
        rule="sdk",
        level=LEVEL,
        text=f"{sdk.title} {client.version} is past its end of support {when}",
        required=sdk.upgrade,
        advice=sdk.advice,
        since=end.day,
        source=end.source,
    )


def sql() -> str:
    """Return `matches` as SQL over client and client_version."""
    rows = [
        f"(client = '{sdk.id}' AND client_version < {pack(max(end.bound for end in sdk.ends))})"
        for sdk in sdks().values()
        if sdk.ends
    ]
    return f"({' OR '.join(rows)})"
