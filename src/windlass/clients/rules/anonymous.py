"""Requests without any identity: somebody reads what is public."""

from __future__ import annotations

from datetime import date

from windlass.clients.model import CallerKind, Finding, Level, RequestFacts

__all__ = ["LEVEL", "TITLE", "evaluate", "matches", "sql"]

TITLE = "Anonymous requests"
LEVEL = Level.INFO


def matches(facts: RequestFacts) -> bool:
    """Whether nobody signed."""
    return facts.caller_kind == CallerKind.ANONYMOUS


def evaluate(facts: RequestFacts, _: date) -> Finding | None:
    """The finding."""
    if not matches(facts):
        return None
    return Finding(
        rule="anonymous",
        level=LEVEL,
        text="not signed by anybody",
        advice="Check that the bucket is meant to be public; serve the public through CloudFront.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    )


def sql() -> str:
    """`matches` over the column caller_kind."""
    return "(caller_kind = 'anonymous')"
