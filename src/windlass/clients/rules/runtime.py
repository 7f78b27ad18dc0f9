"""Language runtimes that AWS's SDKs, or their makers, no longer support on the day of the report."""

from __future__ import annotations

from datetime import date

from windlass.clients.agents import Product
from windlass.clients.model import Level, RuleFinding, S3RequestFacts
from windlass.clients.sdks import end_of, runtimes, sdks, supported_from
from windlass.clients.versions import pack, parse_version

__all__ = ["LEVEL", "TITLE", "evaluate", "judged", "matches", "sql"]

TITLE = "Language runtime past its end of support"
LEVEL = Level.FINDING


def judged(facts: S3RequestFacts) -> Product | None:
    """Return the runtime that the client's owner can upgrade; None for one that is bundled, as in AWS CLI 2."""
    agent = facts.parsed
    sdk = sdks().get(agent.client.id)
    numbers = agent.client.numbers
    if sdk is not None and sdk.bundles_runtime and numbers is not None:
        bundled = parse_version(sdk.bundles_runtime)
        if bundled is not None and numbers >= bundled:
            return None
    return agent.runtime if agent.runtime.id else None


def matches(facts: S3RequestFacts) -> bool:
    """True when support of the runtime's version has ended or has a known end."""
    product = judged(facts)
    return product is not None and end_of(runtimes()[product.id].ends, product.numbers) is not None


def evaluate(facts: S3RequestFacts, on: date) -> RuleFinding | None:
    """Return the finding when support has ended by that day, else None."""
    product = judged(facts)
    if product is None:
        return None
    runtime = runtimes()[product.id]
    end = end_of(runtime.ends, product.numbers)
    if end is None or not end.is_past(on):
        return None
    when = f"since {end.day.isoformat()}" if end.day else "on a day that AWS does not publish"
    return RuleFinding(
        rule="runtime",
        level=LEVEL,
        text=f"{runtime.title} {product.version.lstrip('v')} is past its end of support {when}",
        required=f"{runtime.title} {supported_from(runtime.ends, on)}",
        advice=runtime.advice,
        since=end.day,
        source=end.source,
    )


def sql() -> str:
    """Return `matches` as SQL over runtime, runtime_version, client and client_version."""
    rows = [
        f"(runtime = '{runtime.id}' AND runtime_version < {pack(max(end.bound for end in runtime.ends))})"
        for runtime in runtimes().values()
        if runtime.ends
    ]
    bundled = [
        f"(client = '{sdk.id}' AND coalesce(client_version, -1) >= {pack(bound)})"
        for sdk in sdks().values()
        if sdk.bundles_runtime and (bound := parse_version(sdk.bundles_runtime))
    ]
    return f"(({' OR '.join(rows)}) AND NOT ({' OR '.join(bundled)}))"
