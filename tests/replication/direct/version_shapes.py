"""A bucket with versions that is only sorted lists, and answers as S3's ListObjectVersions does."""

import bisect
import itertools
from urllib.parse import parse_qs

from windlass.wire.listing import ListedVersion, VersionPage

__all__ = ["VersionBucket", "version"]

_ids = itertools.count(1)


def version(key, content, *, at=None, version_id=None):
    """A version of this content (its own ETag; another content is of another size), or a delete marker (None)."""
    number = next(_ids)
    at = number if at is None else at
    marker = content is None
    return ListedVersion(
        key,
        version_id or f"v{number}",
        False,
        marker,
        0 if marker else sum(map(ord, content)),
        "" if marker else content,
        f"2026-11-20T{at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02}.000Z",
        "" if marker else "STANDARD",
    )


class VersionBucket:
    """Keys in order, of each its versions, oldest first. A client, too: it answers listing calls, `page` rows at a time."""

    def __init__(self, histories=(), *, page=1000, before=lambda: None):
        self.histories = {key: list(found) for key, found in dict(histories).items()}
        self.keys = sorted(self.histories)
        self.size, self.asked, self.before = page, 0, before

    def add(self, key, one):
        if key not in self.histories:
            self.histories[key] = []
            bisect.insort(self.keys, key)
        self.histories[key].append(one)

    def drop(self, key):
        del self.histories[key]
        del self.keys[bisect.bisect_left(self.keys, key)]

    async def send(self, call):
        self.before()
        self.asked += 1
        query = {name: found[0] for name, found in parse_qs(call.request.query, errors="surrogateescape").items()}
        prefix, key, seen = query.get("prefix", ""), query.get("key-marker", ""), query.get("version-id-marker", "")
        rows = list(itertools.islice(self._rows(prefix, key, seen), self.size + 1))
        page = rows[: self.size]
        if len(rows) <= self.size:
            return VersionPage(page, [], "", "")
        return VersionPage(page, [], page[-1].key, page[-1].version_id)

    def _rows(self, prefix, key, seen):
        if seen and key in self.histories:
            newest_first = self.histories[key][::-1]
            at = next((at for at, one in enumerate(newest_first) if one.version_id == seen), -1)
            yield from newest_first[at + 1 :]
        for at in range(
            max(bisect.bisect_right(self.keys, key), bisect.bisect_left(self.keys, prefix)), len(self.keys)
        ):
            if not self.keys[at].startswith(prefix):
                return
            yield from self.histories[self.keys[at]][::-1]
