"""Requests that name the bucket in the path instead of the host, which AWS means to end for new buckets some day."""

from __future__ import annotations

from datetime import date

from windlass.clients.model import Finding, Level, RequestFacts

__all__ = ["LEVEL", "TITLE", "find", "sees", "sql"]

TITLE = "Path-style requests"
LEVEL = Level.INFO


def sees(facts: RequestFacts) -> bool:
    """Whether the bucket was in the path."""
    return facts.style == "path"


def find(facts: RequestFacts, _: date) -> Finding | None:
    """The finding."""
    if not sees(facts):
        return None
    return Finding(
        rule="path-style",
        level=LEVEL,
        text="names the bucket in the path",
        advice="Let the SDK address buckets by host (no forcePathStyle, no addressing_style=path).",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html",
    )


def sql() -> str:
    """`sees` over the column style."""
    return "(style = 'path')"
