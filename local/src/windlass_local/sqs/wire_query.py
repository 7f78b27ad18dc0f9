"""The query protocol of older clients: `Action=…` with dotted parameters, XML responses; driven by two tables.

Source: the SQS service model before November 2023 (2012-11-05, protocol "query", flattened lists and maps).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from windlass_local.sqs.errors import SqsError, shape_of

__all__ = ["CONTENT_TYPE", "action_of", "parse", "render", "render_error"]

CONTENT_TYPE = "text/xml"
_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
_CONTROL = str.maketrans({"\r": "&#13;"})

_LISTS: Mapping[str, str] = {
    "AttributeName": "AttributeNames",
    "MessageAttributeName": "MessageAttributeNames",
    "MessageSystemAttributeName": "MessageSystemAttributeNames",
    "AWSAccountId": "AWSAccountIds",
    "ActionName": "Actions",
    "TagKey": "TagKeys",
    "SendMessageBatchRequestEntry": "Entries",
    "DeleteMessageBatchRequestEntry": "Entries",
    "ChangeMessageVisibilityBatchRequestEntry": "Entries",
}
"""Flattened lists of a request: the wire's name and the model's."""

_MAPS: Mapping[str, tuple[str, str, str]] = {
    "Attribute": ("Attributes", "Name", "Value"),
    "MessageAttribute": ("MessageAttributes", "Name", "Value"),
    "MessageSystemAttribute": ("MessageSystemAttributes", "Name", "Value"),
    "Tag": ("Tags", "Key", "Value"),
}
"""Flattened maps, of requests and of responses: the wire's name, the model's, and what key and value are called."""

_ANSWER_MAPS: Mapping[str, tuple[str, str, str]] = {
    model: (wire, key, value) for wire, (model, key, value) in _MAPS.items()
}

_ANSWER_LISTS: Mapping[tuple[str, str], str] = {
    ("SendMessageBatch", "Successful"): "SendMessageBatchResultEntry",
    ("DeleteMessageBatch", "Successful"): "DeleteMessageBatchResultEntry",
    ("ChangeMessageVisibilityBatch", "Successful"): "ChangeMessageVisibilityBatchResultEntry",
    ("SendMessageBatch", "Failed"): "BatchResultErrorEntry",
    ("DeleteMessageBatch", "Failed"): "BatchResultErrorEntry",
    ("ChangeMessageVisibilityBatch", "Failed"): "BatchResultErrorEntry",
    ("ReceiveMessage", "Messages"): "Message",
    ("ListQueues", "QueueUrls"): "QueueUrl",
    ("ListDeadLetterSourceQueues", "queueUrls"): "QueueUrl",
    ("ListMessageMoveTasks", "Results"): "ListMessageMoveTasksResultEntry",
}
"""Flattened lists of a response: (operation, the model's name) and the wire's element."""

_WITHOUT_RESULT = frozenset(
    (
        "AddPermission",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "DeleteQueue",
        "PurgeQueue",
        "RemovePermission",
        "SetQueueAttributes",
        "TagQueue",
        "UntagQueue",
    )
)

Tree = dict[str, Any]


def action_of(query: str, body: bytes) -> str:
    """Return the operation that a request names; "" when it is not of this protocol."""
    return next((value for name, value in _pairs(query, body) if name == "Action"), "")


def parse(query: str, body: bytes) -> Tree:
    """Parse the operation's parameters into the JSON protocol's shape."""
    tree: Tree = {}
    for name, value in _pairs(query, body):
        node = tree
        *parents, leaf = name.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise SqsError("InvalidParameterValue", f"The parameter {name} contradicts another.")
        node[leaf] = value
    parameters = _shaped(tree)
    if parameters.get("Tags") and tree.get("Action") == "CreateQueue":
        parameters["tags"] = parameters.pop("Tags")
    return parameters


def _pairs(query: str, body: bytes) -> Iterator[tuple[str, str]]:
    yield from parse_qsl(query, keep_blank_values=True)
    yield from parse_qsl(body.decode(errors="replace"), keep_blank_values=True)


def _shaped(tree: Tree) -> Tree:
    shaped: Tree = {}
    for name, value in tree.items():
        if name in _LISTS and isinstance(value, dict):
            shaped[_LISTS[name]] = [_shaped(entry) if isinstance(entry, dict) else entry for entry in _in_order(value)]
        elif name in _MAPS and isinstance(value, dict):
            model, key, content = _MAPS[name]
            entries = value if all(entry.isdecimal() for entry in value) else {"1": value}
            shaped[model] = {entry.get(key, ""): entry.get(content, "") for entry in _in_order(entries)}
        else:
            shaped[name] = value
    return shaped


def _in_order(numbered: Tree) -> list[Any]:
    return [numbered[number] for number in sorted(numbered, key=lambda n: int(n) if n.isdecimal() else 0)]


def render(operation: str, response: Mapping[str, Any], request_id: str) -> bytes:
    """Render the response's XML."""
    result = "".join(_elements(operation, name, value) for name, value in response.items())
    if operation not in _WITHOUT_RESULT:
        result = f"<{operation}Result>{result}</{operation}Result>"
    return (
        f'<?xml version="1.0"?><{operation}Response xmlns="{_NAMESPACE}">{result}<ResponseMetadata>'
        f"<RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    ).encode()


def _elements(operation: str, name: str, value: Any) -> str:
    if isinstance(value, dict) and name in _ANSWER_MAPS:
        wire, key, content = _ANSWER_MAPS[name]
        return "".join(
            f"<{wire}><{key}>{_text(each)}</{key}>{_elements(operation, content, inner)}</{wire}>"
            for each, inner in value.items()
        )
    if isinstance(value, list):
        wire = _ANSWER_LISTS.get((operation, name), name)
        return "".join(_elements(operation, wire, entry) for entry in value)
    if isinstance(value, dict):
        inner_xml = "".join(_elements(operation, inner, each) for inner, each in value.items())
        return f"<{name}>{inner_xml}</{name}>"
    return f"<{name}>{_text(value)}</{name}>"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else escape(str(value)).translate(_CONTROL)


def render_error(error: SqsError, request_id: str) -> tuple[int, bytes]:
    """Return status and XML of an error."""
    shape = shape_of(error.name)
    xml = (
        f'<?xml version="1.0"?><ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type>'
        f"<Code>{escape(shape.query_code)}</Code><Message>{escape(error.message)}</Message><Detail/></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return shape.query_status, xml.encode()
