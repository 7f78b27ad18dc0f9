"""Requests by presigned URL: the signature is in the query, and whoever has the link is let in."""

from __future__ import annotations

from datetime import date

from windlass.clients.model import Finding, Level, RequestFacts

__all__ = ["LEVEL", "TITLE", "evaluate", "matches", "sql"]

TITLE = "Presigned URLs"
LEVEL = Level.INFO


def matches(facts: RequestFacts) -> bool:
    """Whether the signature came in the query."""
    return facts.method == "QueryString"


def evaluate(facts: RequestFacts, _: date) -> Finding | None:
    """The finding. The agent is that of whoever used the link, not of the program that made it."""
    if not matches(facts):
        return None
    return Finding(
        rule="presigned",
        level=LEVEL,
        text="came by a presigned URL; the principal is who signed it, the agent who used it",
        advice="Where links live long, shorten them, or limit s3:signatureAge in the bucket policy.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html",
    )


def sql() -> str:
    """`matches` over the column method."""
    return "(method = 'QueryString')"
