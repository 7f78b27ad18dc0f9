"""Members that change by themselves in an unchanged resource: they stay out of automatic documents. Pure.

The rules go by name and kind, as AWS names its members. They are conservative: configured numbers (DesiredCount, VolumeSize)
and times of changes (LastModifiedTime) stay: in a summary they are often the only sign of a change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from windlass.inventory.automatic.service_model import ModelOperation

__all__ = ["is_volatile", "volatile_paths"]

_DEPTH = 3
_NUMBERS = frozenset({"integer", "long", "float", "double", "bigdecimal", "biginteger"})
_TIMES = frozenset({"timestamp", "string", "long", "double", "integer"})

# Times of use, which change with each use.
_USE = re.compile(
    r"(?i)^(most_?recent|latest|last|next|current)_?\w*(access|use|seen|activit|active|heartbeat|login|logon|connect|contact|ping|"
    r"check|scan|sync|refresh|poll|read|evaluat|invo|execut|run|start|crawl|backup|snapshot|restor|report|reported|communicat|"
    r"publish|deliver|attempt|success|fail|event|ingest|message|signin|authenticat|query|queried|rotat|status_?check|restorable)"
    r"\w*(time|date|at|timestamp|on|by|stamp)?$"
)
_USE_NOUN = re.compile(r"(?i)(id|name|arn|version|type|state|status|reason|token|config\w*|settings?|policy)$")
# Amounts in use, which change with data and traffic.
_AMOUNT = re.compile(
    r"(?i)^(approximate|estimated|current|pending|running|active|available|used|free|remaining|consumed|stored|processed|"
    r"unread|healthy|unhealthy|failed|failure|succeeded|successful|completed|queued|in_?progress|open|inuse|in_?use|observed|"
    r"connected|disconnected|online|offline|idle|total|number_?of_?(items|messages|objects|records|documents|executions|"
    r"invocations|failures|errors|events|findings|connections|requests|resources))\w*$"
)
_AMOUNT_NAMES = re.compile(
    r"(?i)^(item|document|object|message|record|row|resource|finding|member|user|asset|device|file|entity|execution|image|"
    r"event|job|task|invocation|error|session|connection|request|impression|hit)_?count$|"
    r"^\w*(size_?in_?bytes|size_?bytes|stored_?bytes|bytes_?used|storage_?used|utilization|uptime|age_?in_?\w+|progress|"
    r"percent_?complete\w*|percentage_?complete\w*|completion_?percent\w*|elapsed\w*|eta)$"
)
# Links with a new signature in every response.
_SIGNED_LINK = re.compile(r"(?i)(pre_?signed|signed|download|upload|console)_?\w*ur[li]$")


def is_volatile(name: str, kind: str) -> bool:
    """True for a member of this name and kind (`timestamp`, `long` …) that changes by itself."""
    if kind in _TIMES and _USE.match(name) and not _USE_NOUN.search(name):
        return True
    if kind in _NUMBERS and (_AMOUNT.match(name) or _AMOUNT_NAMES.match(name)):
        return True
    return kind == "string" and bool(_SIGNED_LINK.search(name))


def volatile_paths(operation: ModelOperation, members: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the dotted paths of an item's volatile members, `*` for the items of lists."""
    return tuple(_paths(operation, members, "", _DEPTH, ()))


def _paths(
    operation: ModelOperation,
    members: Mapping[str, Mapping[str, Any]],
    prefix: str,
    depth: int,
    within: tuple[int, ...],
) -> Iterator[str]:
    for name, shape in members.items():
        path, inner = f"{prefix}{name}", shape
        if shape["type"] == "list":
            path, inner = f"{path}.*", operation.item_of(shape)
        if inner["type"] == "structure":
            if depth > 1 and id(inner) not in within:
                below = operation.members_of(inner)
                yield from _paths(operation, below, f"{path}.", depth - 1, (*within, id(inner)))
        elif inner is shape and is_volatile(name, shape["type"]):
            yield path
