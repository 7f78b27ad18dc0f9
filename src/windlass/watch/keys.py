"""The key of an alert: alerts of one rule and key are delivered together. Pure."""

from __future__ import annotations

from windlass.watch.config import WatchConfig
from windlass.watch.model import Occurrence

__all__ = ["key_of"]

_FACTS = {"resource": "resource", "account": "account_id", "owner": "owner", "check": "check"}


def key_of(rule: WatchConfig, occurrence: Occurrence) -> str:
    """Return the key that the rule groups by: a fact of what happened, or the rule itself."""
    fact = _FACTS.get(rule.key)
    return str(occurrence.facts.get(fact, "")) or "-" if fact else rule.name
