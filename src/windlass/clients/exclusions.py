"""Requests that are nobody's to upgrade: AWS's own services and consoles. They are counted, and left out of findings."""

from __future__ import annotations

import re

from windlass.clients.agents import without_brackets
from windlass.clients.model import CallerKind, RequestFacts

__all__ = ["AGENTS", "exclusion_of", "sql"]

# Lower case, in the agent without its brackets; the SQL uses the same text, so only what all dialects share.
_AGENTS = (
    r"^s3console/",
    r"^awsconsole",
    r"^(.*[ ,])?aws-internal/",  # AWS's services, calling each other with an SDK of theirs
    r"^aws internal",
    r"^amazon cloudfront",
    r"^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$",  # cloudtrail.amazonaws.com, athena.amazonaws.com …
    r"^(athena|cloudfront|cloudtrail|storagegateway|console|elasticmapreduce)[a-z0-9.-]*\.(aws\.)?amazon",
)
AGENTS = "|".join(f"({pattern})" for pattern in _AGENTS)
_AGENT = re.compile(AGENTS)


def exclusion_of(facts: RequestFacts) -> str:
    """Why the request is left out: `service`, `console` or `agent`; empty when it is a client's."""
    if facts.caller_kind in (CallerKind.SERVICE, CallerKind.CONSOLE):
        return facts.caller_kind
    return "agent" if _AGENT.search(without_brackets(facts.agent).lower()) else ""


def sql() -> str:
    """`exclusion_of` over the columns caller_kind and plain_agent (the agent in lower case without its brackets)."""
    return (
        "CASE WHEN caller_kind IN ('service', 'console') THEN caller_kind "
        f"WHEN regexp_like(plain_agent, '{AGENTS}') THEN 'agent' ELSE '' END"
    )
