"""Paging rules of operations, derived from botocore's service model. Pure.

An output member that can mean "there is more" (a token, a marker, IsTruncated, HasMore…) is a signal. A rule is only
given when it uses every signal of the operation; otherwise the operation is `Unpageable`, because a listing that
ignores a signal may seem complete although it is cut short.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["PagingRule", "Unpageable", "paging_rule", "signals"]


@dataclass(frozen=True, slots=True)
class PagingRule:
    """Tokens and flag of an operation. `outputs` and `more` are JMESPath on the response, `inputs` are request members.

    Without inputs, the operation returns everything at once. `size` are request members without which the service
    returns at most one page and no token.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    more: str = ""
    size: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unpageable:
    """An operation that reports more items by a member that no rule uses; `reason` names it."""

    reason: str


_TOKEN = re.compile(
    r"(?i)^((next|pagination|page|continuation|paging|start|resume|scroll)_?)+(token|key|cursor)$"
    r"|^\w*marker$|^position$|^cursor$|^lastevaluated(?!version)\w+$|^nexttoken\w*$|^nextforwardtoken$"
    r"|^(next|continuation)(page|partnumber|upload|version|record|key|item|start|position|offset|index|hosted|dns|continent|"
    r"country|subdivision|traffic|stream|vpc|batch|inferred|shard|job|event|query|result)\w*$"
)
_NOT_A_TOKEN = re.compile(r"(?i)(date|time|at|arn|window|count|status|state|type)$")
_FLAG = re.compile(r"(?i)^(is)?(results?)?truncated$|^(has)?more\w*(available)?$|^has(more|next)\w*$|^ispartial$")
_TOKEN_KINDS = frozenset({"string", "integer", "long", "map", "structure", "blob"})

# Pairs that no naming rule gives, and sizes without which there is no token (AWS API references, each operation's page).
_DECLARED: Mapping[tuple[str, str], PagingRule] = {
    ("sqs", "ListQueues"): PagingRule(("NextToken",), ("NextToken",), size={"MaxResults": 1000}),
    ("sqs", "ListDeadLetterSourceQueues"): PagingRule(("NextToken",), ("NextToken",), size={"MaxResults": 1000}),
    ("s3", "ListBuckets"): PagingRule(("ContinuationToken",), ("ContinuationToken",), size={"MaxBuckets": 1000}),
}


def paging_rule(
    service_model: Any, operation: str, paginator: Mapping[str, Any] | None = None
) -> PagingRule | Unpageable:
    """Return the rule of `operation` (AWS's name) that uses every paging member of its output, or why there is none.

    `paginator` is botocore's own declaration for it (`paginators-1.json`), where there is one.
    """
    model = service_model.operation_model(operation)
    paths = tuple(signals(model))
    rule = _DECLARED.get((service_model.service_name, operation)) or _from_paginator(paginator, paths)
    rule = rule or _from_names(model, paths)
    if rule is None:
        rule = PagingRule()
    unused = _unused(model, paths, rule)
    if unused:
        return Unpageable(f"{operation} returns {', '.join(unused)}, which no paging rule uses")
    return rule


def signals(model: Any) -> Iterator[str]:
    """Return the paths of output members that can mean "there is more", at the top level and one below."""
    shape = model.output_shape
    for name, member in shape.members.items() if shape else ():
        if _is_signal(name, member):
            yield name
        elif member.type_name == "structure":
            yield from (f"{name}.{inner}" for inner, of in member.members.items() if _is_signal(inner, of))


def _is_signal(name: str, member: Any) -> bool:
    if member.type_name == "boolean":
        return bool(_FLAG.match(name))
    return member.type_name in _TOKEN_KINDS and bool(_TOKEN.match(name)) and not _NOT_A_TOKEN.search(name)


def _from_paginator(paginator: Mapping[str, Any] | None, paths: tuple[str, ...]) -> PagingRule | None:
    if not paginator or "input_token" not in paginator:
        return None
    inputs, outputs = _listed(paginator["input_token"]), _listed(paginator["output_token"])
    flags = [path for path in paths if _FLAG.match(path.rpartition(".")[2])]
    more = str(paginator.get("more_results", "")) or (flags[0] if len(flags) == 1 else "")
    return PagingRule(inputs, outputs, more)


def _from_names(model: Any, paths: tuple[str, ...]) -> PagingRule | None:
    """Return a rule by the names of the operation's members: (token, token), (Next…, …), or the last item's name."""
    input_names = set(model.input_shape.members) if model.input_shape else set()
    flags = [path for path in paths if _FLAG.match(path.rpartition(".")[2])]
    pairs = []
    for path in paths:
        if path in flags:
            continue
        into = next((name for name in _inputs_for(path.rpartition(".")[2]) if name in input_names), "")
        if into:
            pairs.append((into, path))
    pairs = [pair for pair in pairs if not _echoes(pair[1], paths)]
    more = flags[0] if len(flags) == 1 else ""
    if pairs:
        return PagingRule(tuple(into for into, _ in pairs), tuple(out for _, out in pairs), more)
    return _from_last_item(model, input_names, more) if more else None


def _inputs_for(token: str) -> Iterator[str]:
    """Return the request members that take a token: its own name, and its name without Next…"""
    for prefix in ("Next", "next"):
        rest = token.removeprefix(prefix)
        if rest != token and rest not in ("Token", "token"):
            yield rest
            yield rest[0].lower() + rest[1:]
            yield f"Start{rest}"
    if token.startswith("LastEvaluated"):
        yield token.replace("LastEvaluated", "ExclusiveStart", 1)
    yield token
    if token in ("NextToken", "nextToken"):
        yield token[4:]
        yield "token"


def _from_last_item(model: Any, input_names: set[str], more: str) -> PagingRule | None:
    """Return a rule for services that continue after the last returned item (`ExclusiveStart…` and `HasMore…`)."""
    head = more.rpartition(".")[0]
    shape = model.output_shape.members[head] if head else model.output_shape
    lists = {name: member.member for name, member in shape.members.items() if member.type_name == "list"}
    for into in sorted(name for name in input_names if name.startswith("ExclusiveStart")):
        for name, item in lists.items():
            keys = [key for key in getattr(item, "members", ()) if into.endswith(key)]
            if keys or item.type_name == "string":
                last = f"{head}.{name}[-1]" if head else f"{name}[-1]"
                return PagingRule((into,), (f"{last}.{keys[0]}" if keys else last,), more)
    return None


def _unused(model: Any, paths: tuple[str, ...], rule: PagingRule) -> list[str]:
    used = {rule.more}
    for path in rule.outputs:
        used.update(part.strip() for part in path.split("||"))
    input_names = set(model.input_shape.members) if model.input_shape else set()
    return [
        path
        for path in paths
        if path not in used and not (_echoes(path, paths) and path.rpartition(".")[2] in input_names and rule.inputs)
    ]


def _echoes(path: str, paths: tuple[str, ...]) -> bool:
    """Return whether the member only repeats the request (`Marker`), because another is the next token (`NextMarker`)."""
    head, _, name = path.rpartition(".")
    prefix = f"{head}." if head else ""
    return any(f"{prefix}{other}" in paths for other in (f"Next{name}", f"next{name[0].upper()}{name[1:]}"))


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (str(value),)
