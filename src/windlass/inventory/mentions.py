"""The ARNs and AWS ids that occur anywhere in a document: relations that no type declares. Pure.

Ids are those that AWS makes (`vpc-0a1b2c3d`, `ami-…`, UUIDs): other texts name a resource only where a type says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from windlass.core.arns import parse_arn
from windlass.inventory.model import Edge

__all__ = ["MENTIONS", "mentions_of"]

MENTIONS = "mentions"
"""The kind of a relation that no type declares: the document has the target's ARN or id somewhere."""

_MAX_MENTIONS = 200  # of one document: a list of thousands of ids is data, and a graph cannot show it
# An ARN ends before quotes, white space, brackets and commas; `*` and `?` make it a pattern, `$` and `{` a template.
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12}|aws)?:[^\s\"'<>,;()\[\]\\]+")
_ID = re.compile(
    r"\b(?:[a-z]{1,16}-(?:[a-z]{2,12}-)?(?:[0-9a-f]{17}|[0-9a-f]{8})|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b"
)
_PATTERN_CHARACTERS = frozenset("*?${}")


def mentions_of(document: Any, *, own: Collection[str] = (), declared: Iterable[Edge] = ()) -> set[Edge]:
    """Return a `mentions` edge for every ARN and AWS id in the document, without the resource's `own` names.

    A target of a declared edge is left out, by ARN or by id: the declared kind says more.
    """
    targets_declared = {edge.target for edge in declared}
    ids = {arn.resource_id for target in targets_declared if (arn := parse_arn(target))}
    targets: dict[str, None] = {}
    for text in _texts(document):
        for target in _targets(text):
            arn = parse_arn(target)
            by_other_name = arn.resource_id in targets_declared if arn else target in ids
            if target not in own and target not in targets_declared and not by_other_name:
                targets[target] = None
        if len(targets) >= _MAX_MENTIONS:
            break
    return {Edge(MENTIONS, target) for target in targets}


def _targets(text: str) -> Iterator[str]:
    if "arn:aws" in text:
        for match in _ARN.findall(text):
            target = match.rstrip(".:/").removesuffix(":*")
            arn = parse_arn(target)
            # `arn:aws:iam::111111111111:root` is everybody in an account, not a resource.
            if arn and arn.resource != "root" and _PATTERN_CHARACTERS.isdisjoint(target):
                yield target
    elif "-" in text:
        yield from _ID.findall(text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value
