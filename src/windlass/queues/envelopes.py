"""Removal of a message's envelopes: SNS and EventBridge envelopes, base64, gzip, S3 pointers.

Each layer is a function from text to text. It returns a body without its envelope unchanged, so that a queue can have
several producers. A damaged envelope is a Reject, because it can never be handled.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Sequence

import orjson

from windlass.queues.model import Reject

__all__ = ["MAX_UNPACKED_BYTES", "unwrap"]

MAX_UNPACKED_BYTES = 256 * 1024 * 1024
"""A larger body is rejected: it is a decompression bomb."""
_STEP_BYTES = 4096  # with many small members, each step copies only the rest of its input, not of the body


def unwrap(layers: Sequence[str], body: str) -> str:
    """Return the body without these layers, in their order; `s3` is left to the caller (it needs I/O). Raises Reject."""
    for layer in layers:
        if layer in _LAYERS:
            body = _LAYERS[layer](body)
    return body


def _sns(body: str) -> str:
    if '"Message"' not in body or '"TopicArn"' not in body:
        return body
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if isinstance(envelope, dict) and isinstance(envelope.get("Message"), str) and "TopicArn" in envelope:
        return str(envelope["Message"])
    return body


def _eventbridge(body: str) -> str:
    if '"detail"' not in body or '"detail-type"' not in body:
        return body
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps(envelope["detail"]).decode() if isinstance(envelope, dict) and "detail" in envelope else body


def _base64(body: str) -> str:
    try:
        return base64.b64decode(body, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return body


def _gzip(body: str) -> str:
    """Unpack gzip, or gzip in base64, which is the usual form of binary data in SQS."""
    data = body.encode("utf-8", "surrogateescape")
    if not data.startswith(b"\x1f\x8b"):
        try:
            data = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            return body
        if not data.startswith(b"\x1f\x8b"):
            return body
    try:
        return _members(data).decode("utf-8")
    except (zlib.error, UnicodeDecodeError) as error:
        raise Reject(f"the body is not valid gzip: {error}") from None


def _members(data: bytes) -> bytes:
    """Unpack all members of a gzip file (RFC 1952, 2.2). Reject when their total is more than MAX_UNPACKED_BYTES.

    zlib.error when a member is damaged. Zeros after a member are padding, as in Python's gzip module.
    """
    pieces: list[bytes] = []
    room, at = MAX_UNPACKED_BYTES, 0
    while at < len(data):
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        while not member.eof:
            piece = data[at : at + _STEP_BYTES]
            if not piece:
                raise zlib.error("the data ends inside a member")
            pieces.append(member.decompress(piece, room + 1))
            room -= len(pieces[-1])
            if room < 0:
                raise Reject(f"the body unpacks to more than {MAX_UNPACKED_BYTES:,} bytes")
            at += len(piece) - len(member.unused_data) - len(member.unconsumed_tail)
        if data[at : at + 1] == b"\0":
            at = len(data) - len(data[at:].lstrip(b"\0"))
    return b"".join(pieces)


_LAYERS: dict[str, Callable[[str], str]] = {"sns": _sns, "eventbridge": _eventbridge, "base64": _base64, "gzip": _gzip}
