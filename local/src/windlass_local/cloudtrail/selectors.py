"""Which data events a trail records, by its basic or advanced event selectors. Pure.

Source: CloudTrail API Reference, AdvancedFieldSelector and DataResource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

__all__ = ["selects"]

_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "Equals": lambda value, expected: value == expected,
    "StartsWith": lambda value, expected: value.startswith(expected),
    "EndsWith": lambda value, expected: value.endswith(expected),
}


def selects(
    basic: Sequence[Mapping[str, Any]], advanced: Sequence[Mapping[str, Any]], *, arn: str, name: str, read_only: bool
) -> bool:
    """True when an S3 object event of this resource ARN is recorded."""
    facts = {
        "eventCategory": "Data",
        "resources.type": "AWS::S3::Object",
        "resources.ARN": arn,
        "eventName": name,
        "readOnly": "true" if read_only else "false",
        "eventSource": "s3.amazonaws.com",
    }
    if any(all(_holds(field, facts) for field in selector.get("FieldSelectors", ())) for selector in advanced):
        return True
    return any(_basic(selector, arn, read_only=read_only) for selector in basic)


def _holds(field: Mapping[str, Any], facts: Mapping[str, str]) -> bool:
    value = facts.get(field["Field"], "")
    for word, test in _TESTS.items():
        if field.get(word) and not any(test(value, requested) for requested in field[word]):
            return False
        if any(test(value, requested) for requested in field.get(f"Not{word}", ())):
            return False
    return True


def _basic(selector: Mapping[str, Any], arn: str, *, read_only: bool) -> bool:
    kind = selector.get("ReadWriteType", "All")
    if kind != "All" and (kind == "ReadOnly") != read_only:
        return False
    values: Iterable[str] = (
        value
        for resource in selector.get("DataResources", ())
        if resource.get("Type") == "AWS::S3::Object"
        for value in resource.get("Values", ())
    )
    return any(arn.startswith(value) for value in values)
