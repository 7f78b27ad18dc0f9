"""The six key shapes that the lister is for, from the benchmark, and a bucket that is only a sorted list."""

import bisect

from bench.replication_shapes import SHAPES

from windlass.wire.listing import Listed, Page

__all__ = ["SHAPES", "Bucket", "row"]


def row(key, size=1, etag="e", at="2026-11-20T08:00:00.000Z", storage="STANDARD"):
    return Listed(key, size, etag, at, storage)


class Bucket:
    """Keys in order; pages as S3 gives them."""

    def __init__(self, keys, *, page=1000):
        self.keys = sorted(set(keys))
        self.size = page
        self.asked = 0

    def page(self, after):
        """(keys, whether there are more)."""
        self.asked += 1
        first = bisect.bisect_right(self.keys, after)
        result = self.keys[first : first + self.size]
        return result, first + self.size < len(self.keys)

    async def listed(self, after):
        keys, more = self.page(after)
        return Page([row(key) for key in keys], [], "more" if more else "")

    def put(self, key):
        if key not in self.keys:
            bisect.insort(self.keys, key)

    def drop(self, key):
        at = bisect.bisect_left(self.keys, key)
        if at < len(self.keys) and self.keys[at] == key:
            del self.keys[at]
