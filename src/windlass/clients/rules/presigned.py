"""Requests by presigned URL: the signature is in the query, and everyone who has the link has access."""

from __future__ import annotations

from datetime import date

from windlass.clients.model import Level, RuleFinding, S3RequestFacts

__all__ = ["LEVEL", "TITLE", "evaluate", "matches", "sql"]

TITLE = "Presigned URLs"
LEVEL = Level.INFO


def matches(facts: S3RequestFacts) -> bool:
    """True when the signature is in the query."""
    return facts.method == "QueryString"


def evaluate(facts: S3RequestFacts, _: date) -> RuleFinding | None:
    """Return the finding, or None. The agent is that of the link's user, not of the program that signed it."""
    if not matches(facts):
        return None
    return RuleFinding(
        rule="presigned",
        level=LEVEL,
        text="uses a presigned URL: the principal signed it, the agent requested it",
        advice="Shorten the validity of long-lived links, or limit s3:signatureAge in the bucket policy.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html",
    )


def sql() -> str:
    """Return `matches` as SQL over method."""
    return "(method = 'QueryString')"
