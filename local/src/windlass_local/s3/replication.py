"""Replication configurations: their rules, and which rules apply to an object. Pure.

Source: S3 user guide, "Replication configuration file elements": a configuration has rules of the first version (`Prefix`)
or of the second (`Filter`, `Priority`); with several rules to one destination, the highest priority decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree as ET

from windlass_local.xml import parse_xml

__all__ = ["Configuration", "ReplicationRule", "Subject", "parse", "rules_for"]

_ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationRule:
    """One rule. `bucket` is the destination's name; an empty field keeps the source's value."""

    id: str
    enabled: bool
    priority: int
    prefix: str
    tags: tuple[tuple[str, str], ...]
    delete_markers: bool
    bucket: str
    account_id: str = ""
    storage_class: str = ""
    kms_key: str = ""
    kms_objects: bool = False
    """Whether objects that KMS encrypts are replicated."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The role that S3 assumes, and the rules."""

    role: str
    rules: tuple[ReplicationRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The subject of rules: an object's version, or a delete marker."""

    key: str
    tags: Mapping[str, str]
    storage_class: str = "STANDARD"
    encryption: str = ""
    marker: bool = False


@lru_cache(maxsize=256)
def parse(document: bytes) -> Configuration:
    """Read a configuration as it was put. Raises ET.ParseError."""
    root = parse_xml(document)
    return Configuration(_text(root, "Role"), tuple(map(_rule, _all(root, "Rule"))))


def rules_for(configuration: Configuration, subject: Subject) -> tuple[ReplicationRule, ...]:
    """Return the rules that replicate an object: one per destination."""
    chosen: dict[str, ReplicationRule] = {}
    for rule in configuration.rules:
        known = chosen.get(rule.bucket)
        if _applies(rule, subject) and (known is None or rule.priority > known.priority):
            chosen[rule.bucket] = rule
    return tuple(chosen.values())


def _applies(rule: ReplicationRule, subject: Subject) -> bool:
    if not rule.enabled or not subject.key.startswith(rule.prefix):
        return False
    if subject.marker:  # rules by tags never replicate delete markers
        return rule.delete_markers and not rule.tags
    if subject.storage_class in _ARCHIVED or subject.encryption == "SSE-C":
        return False
    if subject.encryption.startswith("aws:kms") and not rule.kms_objects:
        return False
    return all(subject.tags.get(name) == value for name, value in rule.tags)


def _rule(node: ET.Element) -> ReplicationRule:
    chosen, destination = _one(node, "Filter"), _one(node, "Destination")
    both = _one(chosen, "And") if chosen is not None else None
    where = both if both is not None else chosen if chosen is not None else node
    tags = tuple((_text(tag, "Key"), _text(tag, "Value")) for tag in _all(where, "Tag"))
    first_version = chosen is None
    return ReplicationRule(
        id=_text(node, "ID"),
        enabled=_text(node, "Status") == "Enabled",
        priority=int(_text(node, "Priority") or 0),
        prefix=_text(where, "Prefix"),
        tags=tags,
        delete_markers=first_version or _text(node, "DeleteMarkerReplication", "Status") == "Enabled",
        bucket=_text(destination, "Bucket").rpartition(":")[2],
        account_id=_text(destination, "Account"),
        storage_class=_text(destination, "StorageClass"),
        kms_key=_text(destination, "EncryptionConfiguration", "ReplicaKmsKeyID"),
        kms_objects=_text(node, "SourceSelectionCriteria", "SseKmsEncryptedObjects", "Status") == "Enabled",
    )


def _all(node: ET.Element | None, name: str) -> Iterator[ET.Element]:
    return (entry for entry in (node if node is not None else ()) if entry.tag.rpartition("}")[2] == name)


def _one(node: ET.Element | None, name: str) -> ET.Element | None:
    return next(_all(node, name), None)


def _text(node: ET.Element | None, *names: str) -> str:
    for name in names:
        node = _one(node, name)
    return "" if node is None else node.text or ""
