"""Requests without identity, to a public bucket."""

from __future__ import annotations

from datetime import date

from windlass.clients.model import CallerKind, Level, RuleFinding, S3RequestFacts

__all__ = ["LEVEL", "TITLE", "evaluate", "matches", "sql"]

TITLE = "Anonymous requests"
LEVEL = Level.INFO


def matches(facts: S3RequestFacts) -> bool:
    """True when the request was not signed."""
    return facts.caller_kind == CallerKind.ANONYMOUS


def evaluate(facts: S3RequestFacts, _: date) -> RuleFinding | None:
    """Return the finding, or None."""
    if not matches(facts):
        return None
    return RuleFinding(
        rule="anonymous",
        level=LEVEL,
        text="sends unsigned requests",
        advice="Check that the bucket is meant to be public; serve the public through CloudFront.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    )


def sql() -> str:
    """Return `matches` as SQL over caller_kind."""
    return "(caller_kind = 'anonymous')"
