"""Bucket configurations kept as the XML that was put, so that GET returns what PUT wrote.

moto parses configurations and keeps only the parts that it uses (not the filters of a replication rule, nor the key format
of logging). S3 returns the document as it was put, with ids filled in.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from windlass_local.xml import parse_xml

KEPT = ("lifecycle", "cors", "replication", "encryption", "logging")
"""Subresources of whose document moto loses parts."""

IDENTIFIED: Mapping[str, str] = {
    "analytics": "AnalyticsConfiguration",
    "intelligent-tiering": "IntelligentTieringConfiguration",
    "inventory": "InventoryConfiguration",
    "metrics": "MetricsConfiguration",
}
"""Subresources with many configurations, each with an id: subresource -> its element."""

MINIMUM_SIZE = "x-amz-transition-default-minimum-object-size"
"""A header of the lifecycle configuration: since September 2024, small objects change class only if it requests that."""
MINIMUM_SIZE_DEFAULT = "all_storage_classes_128K"

_RULES_WITH_ID = ("lifecycle", "replication")


def documents_of(bucket: Any) -> dict[str, bytes]:
    """Return the documents kept with a bucket: subresource, or `subresource:id` -> XML without its declaration."""
    stored: dict[str, bytes] = vars(bucket).setdefault("windlass_documents", {})
    return stored


def keep(bucket: Any, subresource: str, body: bytes) -> None:
    """Store a document. Raises ET.ParseError when it is not XML."""
    root = without_namespaces(parse_xml(body))
    if subresource in _RULES_WITH_ID:
        for rule in root.iter("Rule"):
            if rule.find("ID") is None:
                identifier = ET.Element("ID")
                identifier.text = secrets.token_urlsafe(36)
                rule.insert(0, identifier)
    name = f"{subresource}:{root.findtext('Id')}" if subresource in IDENTIFIED else subresource
    documents_of(bucket)[name] = ET.tostring(root)


def without_namespaces(root: ET.Element) -> ET.Element:
    """Return the tree with plain element names (attributes, such as xsi:type, keep theirs)."""
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    return root


def forget(bucket: Any, name: str) -> bool:
    """Drop a document; return whether there was one."""
    return documents_of(bucket).pop(name, None) is not None


def all_of(bucket: Any, subresource: str) -> list[bytes]:
    """Return the configurations of a subresource that has many, by id."""
    stored = documents_of(bucket)
    return [stored[name] for name in sorted(stored) if name.startswith(f"{subresource}:")]
