"""Event filter patterns of event source mappings: which messages a function gets. Pure.

Source: Lambda Developer Guide, "Filter rule syntax" and "Using event filtering with an Amazon SQS event source". Fields are
ANDed, values of a field and the filters of a mapping ORed. A pattern on a JSON body never matches a body of plain text,
and the other way round; Lambda deletes what no filter matches.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["FilterError", "matches", "passes", "read_filters"]

_ABSENT = object()
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}
_WORDS = frozenset(("prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case"))
Pattern = Mapping[str, Any]


class FilterError(ValueError):
    """Criteria that are no valid filter patterns."""


def read_filters(criteria: Mapping[str, Any] | None) -> tuple[Pattern, ...]:
    """Parse and check the patterns of a mapping's FilterCriteria. FilterError."""
    filters = (criteria or {}).get("Filters") or ()
    if len(filters) > 5:
        raise FilterError("A mapping has at most 5 filters.")
    patterns = []
    for entry in filters:
        try:
            pattern = json.loads(entry.get("Pattern") or "null")
        except ValueError:
            raise FilterError("Invalid filter pattern definition.") from None
        _check(pattern)
        patterns.append(pattern)
    return tuple(patterns)


def _check(pattern: Any) -> None:
    if not isinstance(pattern, dict) or not pattern:
        raise FilterError("Invalid filter pattern definition.")
    for key, requested in pattern.items():
        if key == "$or":
            if not isinstance(requested, list) or len(requested) < 2:
                raise FilterError("Invalid filter pattern definition.")
            for entry in requested:
                _check(entry)
        elif isinstance(requested, dict):
            _check(requested)
        elif not isinstance(requested, list) or not all(_is_rule(entry) for entry in requested):
            raise FilterError("Invalid filter pattern definition.")


def _is_rule(rule: Any) -> bool:
    if isinstance(rule, list):
        return False
    return not isinstance(rule, dict) or (len(rule) == 1 and next(iter(rule)) in _WORDS)


def passes(filters: Sequence[Pattern], record: Mapping[str, Any]) -> bool:
    """True when the patterns pass a record (its `body` as text)."""
    if not filters:
        return True
    body = record.get("body", "")
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    is_json = isinstance(parsed, (dict, list))
    for pattern in filters:
        on_json = isinstance(pattern.get("body"), dict)
        if "body" in pattern and on_json is not is_json:
            continue
        if matches(pattern, {**record, "body": parsed if is_json else body}):
            return True
    return False


def matches(pattern: Pattern, value: Any) -> bool:
    """True when a JSON object matches the pattern."""
    for key, requested in pattern.items():
        if key == "$or":
            if not any(matches(entry, value) for entry in requested):
                return False
            continue
        result = value.get(key, _ABSENT) if isinstance(value, dict) else _ABSENT
        if isinstance(requested, dict):
            if not any(matches(requested, entry) for entry in (result if isinstance(result, list) else [result])):
                return False
        elif not any(_agrees(rule, result) for rule in requested):
            return False
    return True


def _agrees(rule: Any, value: Any) -> bool:
    """True when one rule matches one value; a list matches when one of its values does."""
    if isinstance(value, list) and not (isinstance(rule, dict) and "exists" in rule):
        return any(_agrees(rule, entry) for entry in value)
    if isinstance(rule, dict):
        [(word, argument)] = rule.items()
        return _by_word(word, argument, value)
    return value is not _ABSENT and _same(rule, value)


def _same(rule: Any, value: Any) -> bool:
    return rule == value and isinstance(rule, bool) is isinstance(value, bool)


def _by_word(word: str, argument: Any, value: Any) -> bool:
    if word == "exists":
        return (value is not _ABSENT) is bool(argument)
    if value is _ABSENT:
        return False
    if word == "anything-but":
        if isinstance(argument, dict):
            return not _agrees(argument, value)
        return not any(_same(entry, value) for entry in (argument if isinstance(argument, list) else [argument]))
    if word == "numeric":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        pairs = zip(argument[::2], argument[1::2], strict=True)
        return all(_COMPARE[sign](value, bound) for sign, bound in pairs)
    if not isinstance(value, str):
        return False
    if word == "prefix":
        return value.startswith(argument)
    if word == "suffix":
        return value.endswith(argument)
    return value.lower() == str(argument).lower()  # equals-ignore-case
