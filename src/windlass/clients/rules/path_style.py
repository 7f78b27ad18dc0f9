"""Requests with the bucket in the path instead of the host; AWS plans to end this for new buckets."""

from __future__ import annotations

from datetime import date

from windlass.clients.model import Level, RuleFinding, S3RequestFacts

__all__ = ["LEVEL", "TITLE", "evaluate", "matches", "sql"]

TITLE = "Path-style requests"
LEVEL = Level.INFO


def matches(facts: S3RequestFacts) -> bool:
    """True when the bucket is in the path."""
    return facts.style == "path"


def evaluate(facts: S3RequestFacts, _: date) -> RuleFinding | None:
    """Return the finding, or None."""
    if not matches(facts):
        return None
    return RuleFinding(
        rule="path-style",
        level=LEVEL,
        text="puts the bucket's name into the path",
        advice="Let the SDK address buckets by host (no forcePathStyle, no addressing_style=path).",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html",
    )


def sql() -> str:
    """Return `matches` as SQL over style."""
    return "(style = 'path')"
