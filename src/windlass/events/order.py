"""The order of events of one key, by S3's sequencer.

AWS docs, "Event message structure": sequencers may differ in length; "first right pad the shorter value with zeros, and
then do a lexicographical comparison". (An early edition of that page said *left*; the present one, and all SDKs that
quote it, say right.) Zero is the smallest digit, so comparing padded sequencers equals comparing them without the
zeros at their right end. `sequence_key` is this shorter text, which sorts by itself. Only creations and removals have a
sequencer, and only events of the same key can be compared.
"""

from __future__ import annotations

from enum import Enum

from windlass.events.model import ObjectEvent

__all__ = ["Order", "is_duplicate", "newer", "order", "sequence_key"]


class Order(Enum):
    """The order of two events. UNKNOWN: different keys, or no sequencer."""

    EARLIER = -1
    SAME = 0
    LATER = 1
    UNKNOWN = None


def sequence_key(sequencer: str) -> str:
    """Return the sequencer as text that sorts as AWS defines; "" when there is none."""
    return sequencer.lower().rstrip("0") if sequencer else ""


def order(a: ObjectEvent, b: ObjectEvent) -> Order:
    """Return the order of `a` relative to `b`."""
    if not a.sequencer or not b.sequencer or a.key != b.key or a.bucket != b.bucket:
        return Order.UNKNOWN
    key_a, key_b = sequence_key(a.sequencer), sequence_key(b.sequencer)
    if key_a == key_b:
        return Order.SAME
    return Order.LATER if key_a > key_b else Order.EARLIER


def newer(a: ObjectEvent, b: ObjectEvent) -> bool:
    """Return whether `a` is certainly later than `b`: same key, greater sequencer."""
    return order(a, b) is Order.LATER


def is_duplicate(a: ObjectEvent, b: ObjectEvent) -> bool:
    """Return whether both report the same change.

    By the sequencer, whatever the route (an event can arrive by SQS and by EventBridge); without one, two deliveries of
    the same request with the same name, for the same version of the same key.
    """
    verdict = order(a, b)
    if verdict is not Order.UNKNOWN:
        return verdict is Order.SAME
    if not a.request_id or a.sequencer or b.sequencer:
        return False
    return (a.request_id, a.bucket, a.key, a.version_id, a.name) == (
        b.request_id,
        b.bucket,
        b.key,
        b.version_id,
        b.name,
    )
