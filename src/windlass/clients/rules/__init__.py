"""The rules, one module each: the requests that a scan keeps, and the findings of a report on a given day.

A rule's `matches` runs during a scan and knows no date, so a report can be made for any day; `evaluate` returns the
finding on a day, or None. `sql` is `matches` over the columns of the Athena query (clients/athena/sql.py); a test compares
the two on every agent of the corpus.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from windlass.clients.model import Level, RuleFinding, S3RequestFacts
from windlass.clients.rules import anonymous, path_style, presigned, runtime, sdk, sigv2, tls
from windlass.core.errors import UsageError

__all__ = ["DEFAULT", "RULES", "Rule", "judgement", "named"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, title, level and three functions."""

    name: str
    title: str
    level: Level
    matches: Callable[[S3RequestFacts], bool]
    evaluate: Callable[[S3RequestFacts, date], RuleFinding | None]
    sql: Callable[[], str]
    reads_style: bool = False  # whether it needs `RequestFacts.style`, which costs time to determine


def _rule(name: str, module: Any, *, reads_style: bool = False) -> Rule:
    return Rule(name, module.TITLE, module.LEVEL, module.matches, module.evaluate, module.sql, reads_style)


RULES: tuple[Rule, ...] = (
    _rule("sigv2", sigv2),
    _rule("tls", tls),
    _rule("sdk", sdk),
    _rule("runtime", runtime),
    _rule("anonymous", anonymous),
    _rule("presigned", presigned),
    _rule("path-style", path_style, reads_style=True),
)
DEFAULT = ("sigv2", "tls", "sdk", "runtime", "anonymous", "presigned")
"""path-style is not a default rule: in many estates it matches half of all requests, and their clients are not at fault."""


def named(names: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules of these names (`all`: every rule), in the order of RULES. UsageError for an unknown name."""
    selected = list(names) or list(DEFAULT)
    known = [rule.name for rule in RULES]
    unknown = [name for name in selected if name not in known and name != "all"]
    if unknown:
        raise UsageError(f"there is no rule {', '.join(unknown)}", hint=f"Rules: {', '.join(known)}, all.")
    return tuple(rule for rule in RULES if rule.name in selected or "all" in selected)


def judgement(rules: Iterable[Rule]) -> frozenset[str]:
    """Return `name:version` of each rule: a file judged by these is not read again for them.

    A rule's version is a hash of its conditions, including the tables of SDKs and runtimes. A release with more old clients
    in its tables reads every file again instead of reporting that none were found.
    """
    return frozenset(f"{rule.name}:{_version(rule.name)}" for rule in rules)


@functools.cache
def _version(name: str) -> str:
    (rule,) = (rule for rule in RULES if rule.name == name)
    return hashlib.blake2b(rule.sql().encode(), digest_size=4).hexdigest()
