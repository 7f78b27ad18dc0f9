"""Connections over TLS 1.0 and 1.1, which S3 no longer takes on its current endpoints, and older."""

from __future__ import annotations

from datetime import date

from windlass.clients.model import Finding, Level, RequestFacts

__all__ = ["LEVEL", "OLD", "TITLE", "evaluate", "matches", "sql"]

TITLE = "TLS below 1.2"
LEVEL = Level.FINDING
OLD = ("TLSv1.1", "TLSv1", "TLSv1.0", "SSLv3", "SSLv2")
_SOURCE = "https://aws.amazon.com/blogs/security/tls-1-2-required-for-aws-endpoints/"


def matches(facts: RequestFacts) -> bool:
    """Whether the connection was older than TLS 1.2; an unknown version is no finding."""
    return facts.tls in OLD


def evaluate(facts: RequestFacts, _: date) -> Finding | None:
    """The finding, naming the version."""
    if not matches(facts):
        return None
    return Finding(
        rule="tls",
        level=LEVEL,
        text=f"connects with {facts.tls}",
        required="TLS 1.2",
        advice="Upgrade the program's TLS library or runtime: OpenSSL 1.0.1, Java 8, .NET Framework 4.7, Python 2.7.9 or later.",
        source=_SOURCE,
    )


def sql() -> str:
    """`matches` over the column tls."""
    return f"(tls IN ({', '.join(repr(one) for one in OLD)}))"
