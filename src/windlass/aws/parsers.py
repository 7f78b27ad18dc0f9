"""botocore's parsers, changed to look up a structure's members once instead of once per item.

For a page of a thousand volumes, botocore inspects the same shapes a thousand times, which is most of its time.
The values and how each is read are unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

from botocore.parsers import PROTOCOL_PARSERS, BaseJSONParser, BaseXMLResponseParser

from windlass.aws.timestamps import read_timestamp

__all__ = ["make_parser"]

_Read = Callable[[Any, Any], Any]
"""(shape, node or value) -> the member's value."""
_TABLE = "_windlass_members"  # on the shape itself, which lives as long as its service's model


def make_parser(protocol: str) -> Any:
    """Return the parser of a protocol (`ec2`, `rest-json` …). Thread-safe, as botocore's are."""
    base = PROTOCOL_PARSERS[protocol]
    mixin: type | None = None
    if issubclass(base, BaseXMLResponseParser):
        mixin = _XmlMembers
    elif issubclass(base, BaseJSONParser):
        mixin = _JsonMembers
    parser = type(base.__name__, (mixin, base), {}) if mixin is not None else base
    return parser(timestamp_parser=read_timestamp)


def _is_plain(shape: Any) -> bool:
    """Return whether a structure consists of plain members only."""
    if shape.is_tagged_union or shape.is_document_type or shape.metadata.get("exception"):
        return False
    traits = (member.serialization for member in shape.members.values())
    return not any("xmlAttribute" in trait or "eventheader" in trait for trait in traits)


class _XmlMembers:
    """The mixin for structures and lists in XML."""

    def _handle_structure(self: Any, shape: Any, node: Any) -> Any:
        members = shape.__dict__.get(_TABLE)
        if members is None:
            members = shape.__dict__[_TABLE] = self._members(shape)
        if not members or isinstance(node, list):
            return super()._handle_structure(shape, node)  # type: ignore[misc]  # of botocore's class beside this one
        children = _children(node)
        parsed = {}
        for name, tag, read, member in members:
            child = children.get(tag)
            if child is not None:
                parsed[name] = read(member, child)
        return parsed

    def _handle_list(self: Any, shape: Any, node: Any) -> Any:
        if not isinstance(node, (list, Element)):
            return super()._handle_list(shape, node)  # type: ignore[misc]  # of a header
        items = [node] if shape.serialization.get("flattened") and isinstance(node, Element) else node
        member = shape.member
        read = self._read_of(member)
        return [read(member, item) for item in items]

    def _members(self: Any, shape: Any) -> tuple[tuple[str, str, _Read, Any], ...]:
        """Return (name, tag, reader, shape) of each member in the body; empty when botocore's own code must read the structure."""
        if not _is_plain(shape):
            return ()
        return tuple(
            (name, self._member_key_name(member, name), self._read_of(member), member)
            for name, member in shape.members.items()
            if member.serialization.get("location") not in self.KNOWN_LOCATIONS
        )

    def _read_of(self: Any, shape: Any) -> _Read:
        handler: _Read = getattr(self, f"_handle_{shape.type_name}", self._default_handle)
        return _read_text if shape.type_name == "string" else handler


def _children(node: Any) -> dict[str, Any]:
    """Return the child elements by tag, without namespaces; those of one tag as a list."""
    children: dict[str, Any] = {}
    for child in node:
        tag = child.tag
        if tag[0] == "{":
            tag = tag.rpartition("}")[2]
        known = children.get(tag)
        if known is None:
            children[tag] = child
        elif isinstance(known, list):
            known.append(child)
        else:
            children[tag] = [known, child]
    return children


def _read_text(_: Any, node: Any) -> Any:
    """Return an element's text. For a repeated element, return the list of elements, as botocore does."""
    return (node.text or "") if isinstance(node, Element) else node


class _JsonMembers:
    """The mixin for structures and lists in JSON."""

    def _handle_structure(self: Any, shape: Any, value: Any) -> Any:
        members = shape.__dict__.get(_TABLE)
        if members is None:
            members = shape.__dict__[_TABLE] = self._members(shape)
        if not members or value is None:
            return super()._handle_structure(shape, value)  # type: ignore[misc]  # of botocore's class beside this one
        parsed = {}
        for name, key, read, member in members:
            raw = value.get(key)
            if raw is not None:
                parsed[name] = raw if read is None else read(member, raw)
        return parsed

    def _handle_list(self: Any, shape: Any, value: Any) -> Any:
        if not isinstance(value, list):
            return super()._handle_list(shape, value)  # type: ignore[misc]  # of a header
        member = shape.member
        read = self._read_of(member)
        if read is None:
            return value
        return [None if item is None else read(member, item) for item in value]

    def _members(self: Any, shape: Any) -> tuple[tuple[str, str, _Read | None, Any], ...]:
        """Return (name, key, reader, shape) of each member; empty when botocore's own code must read the structure."""
        if not _is_plain(shape):
            return ()
        return tuple(
            (name, member.serialization.get("name", name), self._read_of(member), member)
            for name, member in shape.members.items()
        )

    def _read_of(self: Any, shape: Any) -> _Read | None:
        """Return the reader of a shape; None where the value is the result."""
        reader: _Read | None = getattr(self, f"_handle_{shape.type_name}", None)
        return reader
