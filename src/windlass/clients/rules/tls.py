"""Connections over TLS 1.1 and older, which S3's current endpoints no longer accept."""

from __future__ import annotations

from datetime import date

from windlass.clients.model import Level, RuleFinding, S3RequestFacts

__all__ = ["LEVEL", "OLD", "TITLE", "evaluate", "matches", "sql"]

TITLE = "TLS below 1.2"
LEVEL = Level.FINDING
OLD = ("TLSv1.1", "TLSv1", "TLSv1.0", "SSLv3", "SSLv2")
_SOURCE = "https://aws.amazon.com/blogs/security/tls-1-2-required-for-aws-endpoints/"


def matches(facts: S3RequestFacts) -> bool:
    """True for a version older than TLS 1.2; an unknown version does not match."""
    return facts.tls in OLD


def evaluate(facts: S3RequestFacts, _: date) -> RuleFinding | None:
    """Return the finding with the version, or None."""
    if not matches(facts):
        return None
    return RuleFinding(
        rule="tls",
        level=LEVEL,
        text=f"connects with {facts.tls}",
        required="TLS 1.2",
        advice="Upgrade the program's TLS library or runtime: OpenSSL 1.0.1, Java 8, .NET Framework 4.7, Python 2.7.9 or later.",
        source=_SOURCE,
    )


def sql() -> str:
    """Return `matches` as SQL over tls."""
    return f"(tls IN ({', '.join(repr(version) for version in OLD)}))"
