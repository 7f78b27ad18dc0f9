"""Merging of a bucket's notification configuration: our entries change, all others stay. Pure.

A bucket has one configuration of up to a hundred entries of four kinds (queue, topic, function, EventBridge), and S3 only
replaces it completely. Our entries are recognised by the beginning of their ids. Everything else, including unknown keys, is
written back unchanged. Sources: S3 API reference, "PutBucketNotificationConfiguration"; S3 user guide, "Configuring event
notifications using object key name filtering" (entries for one event may not overlap).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from windlass.core.canonical import canonical_json, plain

__all__ = [
    "conflicting_entries",
    "entries_of",
    "equivalent",
    "own_entries",
    "queue_entry",
    "with_entries",
    "without_entries",
]

_QUEUES = "QueueConfigurations"
_LISTS = (_QUEUES, "TopicConfigurations", "LambdaFunctionConfigurations")

Configuration = Mapping[str, Any]


def queue_entry(
    mark: str, number: int, queue_arn: str, events: Sequence[str], prefix: str = "", suffix: str = ""
) -> dict[str, Any]:
    """Return an entry that sends events of keys with this prefix and suffix to a queue."""
    entry: dict[str, Any] = {"Id": f"{mark}{number}", "QueueArn": queue_arn, "Events": list(events)}
    rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    if rules:
        entry["Filter"] = {"Key": {"FilterRules": rules}}
    return entry


def with_entries(now: Configuration, entries: Sequence[Mapping[str, Any]], mark: str) -> dict[str, Any]:
    """Return the configuration with these queue entries as the only ones with the id prefix `mark`."""
    merged = without_entries(now, mark)
    if entries:
        merged[_QUEUES] = [*merged.get(_QUEUES, ()), *(dict(entry) for entry in entries)]
    return merged


def without_entries(now: Configuration, mark: str) -> dict[str, Any]:
    """Return the configuration without the entries with the id prefix `mark`."""
    kept: dict[str, Any] = dict(now)
    for name in _LISTS:
        if name in kept:
            left = [entry for entry in kept[name] if not str(entry.get("Id", "")).startswith(mark)]
            if left:
                kept[name] = left
            elif kept[name]:
                del kept[name]
    return kept


def own_entries(now: Configuration, mark: str) -> tuple[dict[str, Any], ...]:
    """Return the entries with the id prefix `mark`."""
    return tuple(dict(entry) for entry in entries_of(now) if str(entry.get("Id", "")).startswith(mark))


def entries_of(now: Configuration) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of queues, topics and functions, which have ids."""
    for name in _LISTS:
        yield from now.get(name) or ()


def equivalent(first: Configuration, second: Configuration) -> bool:
    """Return whether S3 treats both as equal: it ignores the order of entries, events and filter rules, and the case of rule names."""
    return _normal(first) == _normal(second)


def conflicting_entries(
    now: Configuration, entries: Sequence[Mapping[str, Any]], mark: str
) -> tuple[Mapping[str, Any], ...]:
    """Return the entries of others that conflict with these: the same event and overlapping keys, which S3 rejects."""
    return tuple(
        other
        for other in entries_of(now)
        if not str(other.get("Id", "")).startswith(mark) and any(_conflict(entry, other) for entry in entries)
    )


def _normal(configuration: Configuration) -> dict[str, Any]:
    normal: dict[str, Any] = {}
    for name, value in configuration.items():
        if name in _LISTS:
            if value:
                normal[name] = sorted(canonical_json(plain(_entry(entry))) for entry in value)
        elif value is not None:  # an EventBridge configuration is an empty object
            normal[name] = canonical_json(plain(value))
    return normal


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    clean = {name: value for name, value in entry.items() if name not in ("Filter", "Events")}
    prefix, suffix = _filter(entry)
    rest = {
        name: value for name, value in (entry.get("Filter") or {}).items() if name != "Key"
    }  # fields that S3 may add later
    return clean | {"events": sorted(entry.get("Events", ())), "prefix": prefix, "suffix": suffix, "filter": rest}


def _filter(entry: Mapping[str, Any]) -> tuple[str, str]:
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
    values = {str(rule["Name"]).lower(): str(rule.get("Value", "")) for rule in rules}
    return values.get("prefix", ""), values.get("suffix", "")


def _conflict(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    if not any(
        _events_overlap(event, other_event) for event in first["Events"] for other_event in second.get("Events", ())
    ):
        return False
    (prefix, suffix), (their_prefix, their_suffix) = _filter(first), _filter(second)
    heads = prefix.startswith(their_prefix) or their_prefix.startswith(prefix)
    return heads and (suffix.endswith(their_suffix) or their_suffix.endswith(suffix))


def _events_overlap(first: str, second: str) -> bool:
    """Return whether an event can match both names; `*` may end a name."""
    if first.endswith("*") and second.startswith(first[:-1]):
        return True
    return first == second or (second.endswith("*") and first.startswith(second[:-1]))
