"""The rules, one module each: what a scan keeps, and what a report says of it on a given day.

A rule's `sees` decides while scanning and knows no date, so that a report can be made as of any day; `find` says on a
day what is wrong, or nothing. `sql` is `sees` over the columns of the Athena query (clients/athena/sql.py); a test
compares the two on every agent of the corpus.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from windlass.clients.model import Finding, Level, RequestFacts
from windlass.clients.rules import anonymous, path_style, presigned, runtime, sdk, sigv2, tls
from windlass.core.errors import UsageError

__all__ = ["DEFAULT", "RULES", "Rule", "judgement", "named"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, what it is about, whether to act on it, and its three functions."""

    name: str
    title: str
    level: Level
    sees: Callable[[RequestFacts], bool]
    find: Callable[[RequestFacts, date], Finding | None]
    sql: Callable[[], str]


def _rule(name: str, module: object) -> Rule:
    return Rule(name, module.TITLE, module.LEVEL, module.sees, module.find, module.sql)  # type: ignore[attr-defined]


RULES: tuple[Rule, ...] = (
    _rule("sigv2", sigv2),
    _rule("tls", tls),
    _rule("sdk", sdk),
    _rule("runtime", runtime),
    _rule("anonymous", anonymous),
    _rule("presigned", presigned),
    _rule("path-style", path_style),
)
DEFAULT = ("sigv2", "tls", "sdk", "runtime", "anonymous", "presigned")
"""path-style is left to be asked for: in many estates it is half of all requests, and no fault of theirs."""


def named(names: Iterable[str]) -> tuple[Rule, ...]:
    """The rules of these names, in their own order; `all` names every one. UsageError for a name that is none."""
    wanted = list(names) or list(DEFAULT)
    known = [rule.name for rule in RULES]
    unknown = [name for name in wanted if name not in known and name != "all"]
    if unknown:
        raise UsageError(f"there is no rule {', '.join(unknown)}", hint=f"Rules: {', '.join(known)}, all.")
    return tuple(rule for rule in RULES if rule.name in wanted or "all" in wanted)


def judgement(rules: Iterable[Rule]) -> frozenset[str]:
    """What a file that these rules have judged needs no second reading for, as `name:version` per rule.

    A rule's version follows its conditions and the tables of SDKs and runtimes, so a release that knows more old clients
    reads every file again instead of reporting none in files that its rules never saw.
    """
    return frozenset(f"{rule.name}:{_version(rule.name)}" for rule in rules)


@functools.cache
def _version(name: str) -> str:
    (rule,) = (rule for rule in RULES if rule.name == name)
    return hashlib.blake2b(rule.sql().encode(), digest_size=4).hexdigest()
