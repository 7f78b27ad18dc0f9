"""Receipt handles: opaque text that identifies one delivery of one message of one queue.

Nothing is stored per handle, so a handle stays recognisable for ever, and the queue's random mark distinguishes
handles of other queues and of deleted queues of the same name.
"""

from __future__ import annotations

import base64
import binascii
import struct

from windlass_local.sqs.queue import Receipt

__all__ = ["MARK_BYTES", "decode", "encode"]

MARK_BYTES = 12
_PREFIX = "AQEB"  # as AWS's own begin
_LAYOUT = struct.Struct(f">{MARK_BYTES}sQI")


def encode(mark: bytes, receipt: Receipt) -> str:
    """Return the handle of `receipt` in the queue marked `mark`."""
    return _PREFIX + base64.b64encode(_LAYOUT.pack(mark, receipt.seq, receipt.delivery)).decode()


def decode(mark: bytes, handle: str) -> Receipt | None:
    """Return the receipt of `handle`; None for a handle of another queue."""
    if not handle.startswith(_PREFIX):
        return None
    try:
        raw = base64.b64decode(handle[len(_PREFIX) :], validate=True)
        queue_id, seq, delivery = _LAYOUT.unpack(raw)
    except (binascii.Error, ValueError, struct.error):
        return None
    return Receipt(seq, delivery) if queue_id == mark else None
