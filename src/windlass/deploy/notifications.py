"""A bucket's notification configuration with entries added and taken away, and nobody else's touched. Pure.

A bucket has one configuration of up to a hundred entries of four kinds (queue, topic, function, EventBridge), and S3 only
replaces it whole. Ours are known by the beginning of their ids. Whatever else is in it, keys that are not known here among
it, goes back as it came. Source: S3 API reference, "PutBucketNotificationConfiguration"; S3 user guide, "Configuring event
notifications using object key name filtering" (entries for one event may not overlap).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from windlass.core.canonical import canonical_json, plain

__all__ = ["added", "entries_of", "ours", "overlapping", "queue_entry", "removed", "same"]

_QUEUES = "QueueConfigurations"
_LISTS = (_QUEUES, "TopicConfigurations", "LambdaFunctionConfigurations")

Configuration = Mapping[str, Any]


def queue_entry(
    mark: str, number: int, queue_arn: str, events: Sequence[str], prefix: str = "", suffix: str = ""
) -> dict[str, Any]:
    """An entry that sends events of keys with this prefix and suffix to a queue."""
    entry: dict[str, Any] = {"Id": f"{mark}{number}", "QueueArn": queue_arn, "Events": list(events)}
    rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    if rules:
        entry["Filter"] = {"Key": {"FilterRules": rules}}
    return entry


def added(now: Configuration, entries: Sequence[Mapping[str, Any]], mark: str) -> dict[str, Any]:
    """The configuration with these queue entries as the only ones of the mark."""
    wanted = removed(now, mark)
    if entries:
        wanted[_QUEUES] = [*wanted.get(_QUEUES, ()), *(dict(one) for one in entries)]
    return wanted


def removed(now: Configuration, mark: str) -> dict[str, Any]:
    """The configuration without the entries of the mark."""
    kept: dict[str, Any] = dict(now)
    for name in _LISTS:
        if name in kept:
            left = [one for one in kept[name] if not str(one.get("Id", "")).startswith(mark)]
            if left:
                kept[name] = left
            elif kept[name]:
                del kept[name]
    return kept


def ours(now: Configuration, mark: str) -> tuple[dict[str, Any], ...]:
    """The entries of the mark."""
    return tuple(dict(one) for one in entries_of(now) if str(one.get("Id", "")).startswith(mark))


def entries_of(now: Configuration) -> Iterator[Mapping[str, Any]]:
    """All entries that have an id: of queues, topics and functions."""
    for name in _LISTS:
        yield from now.get(name) or ()


def same(one: Configuration, other: Configuration) -> bool:
    """Whether both mean the same: S3 keeps no order of entries, events and filter rules, nor the case of rules' names."""
    return _normal(one) == _normal(other)


def overlapping(now: Configuration, entries: Sequence[Mapping[str, Any]], mark: str) -> tuple[Mapping[str, Any], ...]:
    """Others' entries that S3 would refuse beside these: the same event, and keys that both would be for."""
    return tuple(
        other
        for other in entries_of(now)
        if not str(other.get("Id", "")).startswith(mark) and any(_collide(one, other) for one in entries)
    )


def _normal(configuration: Configuration) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in configuration.items():
        if name in _LISTS:
            if value:
                found[name] = sorted(canonical_json(plain(_entry(one))) for one in value)
        elif value is not None:  # an EventBridge configuration is empty, and there
            found[name] = canonical_json(plain(value))
    return found


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    clean = {name: value for name, value in entry.items() if name not in ("Filter", "Events")}
    prefix, suffix = _filter(entry)
    rest = {
        name: value for name, value in (entry.get("Filter") or {}).items() if name != "Key"
    }  # what S3 may add one day
    return clean | {"events": sorted(entry.get("Events", ())), "prefix": prefix, "suffix": suffix, "filter": rest}


def _filter(entry: Mapping[str, Any]) -> tuple[str, str]:
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
    values = {str(rule["Name"]).lower(): str(rule.get("Value", "")) for rule in rules}
    return values.get("prefix", ""), values.get("suffix", "")


def _collide(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if not any(_both(mine, theirs) for mine in one["Events"] for theirs in other.get("Events", ())):
        return False
    (prefix, suffix), (their_prefix, their_suffix) = _filter(one), _filter(other)
    heads = prefix.startswith(their_prefix) or their_prefix.startswith(prefix)
    return heads and (suffix.endswith(their_suffix) or their_suffix.endswith(suffix))


def _both(one: str, other: str) -> bool:
    """Whether some event is of both names; `*` ends a name."""
    if one.endswith("*") and other.startswith(one[:-1]):
        return True
    return one == other or (other.endswith("*") and one.startswith(other[:-1]))
