"""The one XML parser of the embedded AWS: UTF-8 documents without a document type or entities. Pure."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

__all__ = ["XML_SERVICES", "declares_entities", "parse_xml"]

XML_SERVICES = frozenset({"s3", "s3control", "cloudfront", "route53"})
"""Services whose requests carry XML."""

_ENCODING = re.compile(rb"""\s*(?:\xef\xbb\xbf)?<\?xml[^>]*?\bencoding\s*=\s*["']([^"']*)""")


def declares_entities(body: bytes) -> bool:
    """True when a document has a DTD or an entity, or an encoding that could hide one."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or b"\0" in body:
        return True
    encoding = _ENCODING.match(body)
    return encoding is not None and encoding[1].lower() not in (b"utf-8", b"us-ascii")


def parse_xml(body: bytes) -> ET.Element:
    """Return the root. ET.ParseError when it is not XML in UTF-8, or declares a document type or entities."""
    if declares_entities(body):
        raise ET.ParseError("document types and entities are refused")
    return ET.fromstring(body)  # noqa: S314  entities are refused above
