"""Nouns in the names of operations and shapes: `DescribeDBClusters` lists the noun `DBCluster`, the type `db-cluster`. Pure."""

from __future__ import annotations

import functools
import re

__all__ = ["kebab", "noun_of_operation", "noun_of_shape", "singular", "version_of", "words"]

_WORD = re.compile(r"[A-Z]+s(?![a-z])|[A-Z]+\d*(?![a-z])|[A-Z][a-z]+\d*|[a-z]+\d*|\d+")
_VERB = re.compile(r"^(List|Describe|Get|BatchGet|Search)(?=[A-Z])")
_VERSION = re.compile(r"(?<=[a-z])V?(\d)$")
_SHAPE_ENDINGS = re.compile(
    r"(Summary|Summaries|Item|ListItem|ListEntry|Entry|Info|Information|Description|Details?|Metadata|Output|Type|Overview|"
    r"Properties|Listing|Object|Structure|Data|Record|ResponseItem|Response|Result)$"
)
_IRREGULAR = {
    "analyses": "analysis",
    "indices": "index",
    "vertices": "vertex",
    "matrices": "matrix",
    "caches": "cache",
    "series": "series",
    "aliases": "alias",
    "statuses": "status",
    "buses": "bus",
    "canvas": "canvas",
    "atlas": "atlas",
    "dns": "dns",
    "https": "https",
    "data": "data",
    "metadata": "metadata",
    "kubernetes": "kubernetes",
    "redis": "redis",
}


@functools.lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in upper or lower camel case; `WebACLs` has the words `Web` and `ACLs`."""
    return tuple(_WORD.findall(name))


def singular(word: str) -> str:
    """Return the singular of an English noun; other words unchanged."""
    low = word.lower()
    if low in _IRREGULAR:
        return word[0] + _IRREGULAR[low][1:]
    if low.endswith("ies") and len(low) > 4:
        return word[:-3] + "y"
    if low.endswith(("sses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    if low.endswith("s") and not low.endswith(("ss", "us", "sis", "xis")) and len(low) > 2:
        return word[:-1]
    return word


def kebab(noun: str) -> str:
    """Return the noun as the part of a type's name after the dot: `DBCluster` becomes `db-cluster`."""
    return "-".join(word.lower() for word in words(noun))


def noun_of_operation(operation: str) -> str:
    """Return what an operation lists, in the singular and without its version: `ListFindingsV2` lists `Finding`."""
    return _singular_noun(_VERSION.sub("", _VERB.sub("", operation)))


def noun_of_shape(shape: str) -> str:
    """Return the noun of an item's shape: `LogGroupSummary` describes a `LogGroup`."""
    return _SHAPE_ENDINGS.sub("", _VERSION.sub("", shape)) or shape


def version_of(operation: str) -> int:
    """Return the version in an operation's name; 1 without one."""
    match = _VERSION.search(operation)
    return int(match[1]) if match else 1


def _singular_noun(noun: str) -> str:
    parts = words(noun)
    return "".join((*parts[:-1], singular(parts[-1]))) if parts else noun
