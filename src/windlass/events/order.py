"""Which of two events of one key came later, by S3's sequencer.

"Sequencers can be of different lengths. To compare these values, right-pad the shorter value with zeros, and then do a
lexicographic comparison" (S3 user guide, event message structure; its editions before 2020 said left). Only puts and
deletes carry one, and it says nothing about different keys.
"""

from __future__ import annotations

from windlass.events.model import ObjectEvent

__all__ = ["compare", "is_duplicate", "is_newer"]


def compare(left: str, right: str) -> int:
    """-1, 0 or 1: whether `left` is the earlier sequencer, the same, or the later. An empty one is earlier than any."""
    if not left or not right:
        return bool(left) - bool(right)
    width = max(len(left), len(right))
    a, b = left.upper().ljust(width, "0"), right.upper().ljust(width, "0")
    return (a > b) - (a < b)


def is_newer(event: ObjectEvent, than: ObjectEvent) -> bool:
    """Whether `event` happened after `than`; ValueError when they are of different objects, of which nothing is known."""
    if (event.bucket, event.key) != (than.bucket, than.key):
        raise ValueError("sequencers of different keys say nothing about each other")
    return compare(event.sequencer, than.sequencer) > 0


def is_duplicate(event: ObjectEvent, of: ObjectEvent) -> bool:
    """Whether both tell of the same happening: S3 delivers at least once, and a duplicate carries the same sequencer."""
    same = (event.bucket, event.key, event.kind, event.version_id) == (of.bucket, of.key, of.kind, of.version_id)
    return same and bool(event.sequencer) and compare(event.sequencer, of.sequencer) == 0
