"""Language runtimes that the SDKs, or their makers, no longer support. Judged by the report's day, as `sdk` is."""

from __future__ import annotations

from datetime import date

from windlass.clients.agents import Product
from windlass.clients.model import Finding, Level, RequestFacts
from windlass.clients.sdks import end_of, runtimes, sdks, supported_from
from windlass.clients.versions import pack, parse_version

__all__ = ["LEVEL", "TITLE", "evaluate", "judged", "matches", "sql"]

TITLE = "Language runtime past its end of support"
LEVEL = Level.FINDING


def judged(facts: RequestFacts) -> Product | None:
    """The runtime that its user could change; AWS CLI 2 brings its own, which comes with the CLI's version."""
    agent = facts.parsed
    sdk = sdks().get(agent.client.id)
    numbers = agent.client.numbers
    if sdk is not None and sdk.bundles_runtime and numbers is not None:
        bundled = parse_version(sdk.bundles_runtime)
        if bundled is not None and numbers >= bundled:
            return None
    return agent.runtime if agent.runtime.id else None


def matches(facts: RequestFacts) -> bool:
    """Whether the runtime's version has a day on which its support ends, or ended."""
    product = judged(facts)
    return product is not None and end_of(runtimes()[product.id].ends, product.numbers) is not None


def evaluate(facts: RequestFacts, on: date) -> Finding | None:
    """The finding once that day has come."""
    product = judged(facts)
    if product is None:
        return None
    runtime = runtimes()[product.id]
    end = end_of(runtime.ends, product.numbers)
    if end is None or not end.is_past(on):
        return None
    when = f"since {end.day.isoformat()}" if end.day else "long since"
    return Finding(
        rule="runtime",
        level=LEVEL,
        text=f"{runtime.title} {product.version.lstrip('v')} is past its end of support {when}",
        required=f"{runtime.title} {supported_from(runtime.ends, on)}",
        advice=runtime.advice,
        since=end.day,
        source=end.source,
    )


def sql() -> str:
    """`matches` over the columns runtime, runtime_version, client and client_version."""
    rows = [
        f"(runtime = '{runtime.id}' AND runtime_version < {pack(max(end.bound for end in runtime.ends))})"
        for runtime in runtimes().values()
        if runtime.ends
    ]
    own = [
        f"(client = '{sdk.id}' AND coalesce(client_version, -1) >= {pack(bound)})"
        for sdk in sdks().values()
        if sdk.bundles_runtime and (bound := parse_version(sdk.bundles_runtime))
    ]
    return f"(({' OR '.join(rows)}) AND NOT ({' OR '.join(own)}))"
