"""Requests of AWS's own services and consoles, which customers cannot upgrade: they are counted, but excluded from findings."""

from __future__ import annotations

import re

from windlass.clients.agents import without_brackets
from windlass.clients.model import CallerKind, S3RequestFacts

__all__ = ["AGENTS", "exclusion_of", "sql"]

# In lower case, for the agent without its brackets. The SQL uses the same pattern: only syntax that all dialects share.
_AGENTS = (
    r"^s3console/",
    r"^awsconsole",
    r"^(.*[ ,])?aws-internal/",  # AWS's services calling each other with an SDK
    r"^aws internal",
    r"^amazon cloudfront",
    r"^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$",  # cloudtrail.amazonaws.com, athena.amazonaws.com …
    r"^(athena|cloudfront|cloudtrail|storagegateway|console|elasticmapreduce)[a-z0-9.-]*\.(aws\.)?amazon",
)
AGENTS = "|".join(f"({pattern})" for pattern in _AGENTS)
_AGENT = re.compile(AGENTS)


def exclusion_of(facts: S3RequestFacts) -> str:
    """Return why the request is excluded: `service`, `console` or `agent`; empty for a client's request."""
    if facts.caller_kind in (CallerKind.SERVICE, CallerKind.CONSOLE):
        return facts.caller_kind
    return "agent" if _AGENT.search(without_brackets(facts.agent).lower()) else ""


def sql() -> str:
    """Return `exclusion_of` as SQL over caller_kind and plain_agent (the agent in lower case without its brackets)."""
    return (
        "CASE WHEN caller_kind IN ('service', 'console') THEN caller_kind "
        f"WHEN regexp_like(plain_agent, '{AGENTS}') THEN 'agent' ELSE '' END"
    )
