"""XML of S3 Control, read and written by the service's own model. Pure except for the model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import moto.core.utils

from windlass_local.s3.responses import escape
from windlass_local.xml import parse_xml

__all__ = ["NAMESPACE", "PRIVATE_NAMES", "input_of", "output_of"]

PRIVATE_NAMES = ("moto.core.utils.get_service_model",)
NAMESPACE = "http://awss3control.amazonaws.com/doc/2018-08-20/"


def input_of(operation: str, body: bytes) -> dict[str, Any]:
    """Parse the body of a call into the model's names. ValueError when it is no such document."""
    try:
        root = parse_xml(body)
    except ET.ParseError as error:
        raise ValueError(f"The XML you provided was not well-formed: {error}") from None
    result: dict[str, Any] = _read(_model(operation).input_shape, root)
    return result


def output_of(operation: str, values: dict[str, Any]) -> bytes:
    """Render the document that answers a call."""
    shape = _model(operation).output_shape
    inner = "".join(_member(shape, name, value) for name, value in values.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{operation}Result xmlns="{NAMESPACE}">{inner}</{operation}Result>'
    ).encode()


def _model(operation: str) -> Any:
    return moto.core.utils.get_service_model("s3control").operation_model(operation)


def _child(node: ET.Element, name: str) -> ET.Element | None:
    return next((entry for entry in node if entry.tag.rpartition("}")[2] == name), None)


def _read(shape: Any, node: ET.Element) -> Any:
    text = node.text or ""
    match shape.type_name:
        case "structure":
            members = {
                name: (member, _child(node, member.serialization.get("name", name)))
                for name, member in shape.members.items()
            }
            return {name: _read(member, text) for name, (member, text) in members.items() if text is not None}
        case "list":
            return [_read(shape.member, entry) for entry in node]
        case "map":
            return {_text(entry, "key"): _text(entry, "value") for entry in node}
        case "boolean":
            return text.strip() == "true"
        case "integer" | "long":
            return int(text)
        case "timestamp":
            at = datetime.fromisoformat(text.strip())
            return at if at.tzinfo else at.replace(tzinfo=UTC)
    return text


def _text(node: ET.Element, name: str) -> str:
    result = _child(node, name)
    return "" if result is None else result.text or ""


def _member(shape: Any, name: str, value: Any) -> str:
    if value is None:
        return ""
    member = shape.members[name]
    return _element(member.serialization.get("name", name), member, value)


def _element(name: str, shape: Any, value: Any) -> str:
    return f"<{name}>{_written(shape, value)}</{name}>"


def _written(shape: Any, argument: Any) -> str:
    match shape.type_name:
        case "structure":
            return "".join(_member(shape, name, each) for name, each in argument.items())
        case "list":
            name = shape.member.serialization.get("name", "member")
            return "".join(_element(name, shape.member, entry) for entry in argument)
        case "map":
            return "".join(
                f"<entry><key>{escape(name)}</key><value>{escape(each)}</value></entry>"
                for name, each in argument.items()
            )
        case "boolean":
            return "true" if argument else "false"
        case "timestamp":
            return f"{argument.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    return escape(str(argument))
