"""Matching of events to rules, and the key under which each is counted. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from typing import Any

from windlass.aggregation.config import AggregateConfig
from windlass.core.errors import ConfigError
from windlass.events import ObjectEvent

__all__ = ["MAX_KEY_BYTES", "AggregationRule"]

MAX_KEY_BYTES = 1024
"""Longer keys are cut: DynamoDB allows 2,048 bytes, which the rule's name and escapes share."""


class AggregationRule:
    """A configured rule, compiled for matching; ConfigError when its expression is invalid."""

    def __init__(self, config: AggregateConfig) -> None:
        self.config = config
        self.name = config.name
        self._kinds = frozenset(config.kinds)
        self._buckets = _any_glob(config.buckets)
        self._globs = _any_glob(config.globs)
        self._prefixes, self._suffixes = tuple(config.prefixes), tuple(config.suffixes)
        self._key = _key_function(config)

    def key_of(self, event: ObjectEvent) -> str | None:
        """Return the key under which the event is counted; None when the rule does not match it."""
        if event.kind not in self._kinds and not (event.removes and "removed" in self._kinds):
            return None
        if self._buckets is not None and not self._buckets.match(event.bucket):
            return None
        if self._prefixes and not event.key.startswith(self._prefixes):
            return None
        if self._suffixes and not event.key.endswith(self._suffixes):
            return None
        if self._globs is not None and not self._globs.match(event.key):
            return None
        return self._key(event) if self._size_matches(event.size_bytes) else None

    def _size_matches(self, size_bytes: int | None) -> bool:
        if size_bytes is None:
            return True
        most = self.config.max_size_bytes
        return size_bytes >= self.config.min_size_bytes and (not most or size_bytes <= most)


def _any_glob(patterns: Iterable[str]) -> re.Pattern[str] | None:
    expressions = [f"(?:{translate(pattern)})" for pattern in patterns]
    return re.compile("|".join(expressions)) if expressions else None


def _key_function(config: AggregateConfig) -> Callable[[ObjectEvent], str | None]:
    if config.key == "bucket":
        return lambda event: event.bucket
    if config.key == "prefix":
        return lambda event: _storable(f"{event.bucket}/{_folders(event.key, config.depth)}")
    return _expression_key(config)


def _folders(key: str, depth: int) -> str:
    """Return the first `depth` folders of an object's key, each with its slash; fewer when the key has fewer."""
    parts = key.split("/")[:-1][:depth]
    return "".join(f"{part}/" for part in parts)


def _expression_key(config: AggregateConfig) -> Callable[[ObjectEvent], str | None]:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        expression = jmespath.compile(config.key)
    except JMESPathError as error:
        raise ConfigError(
            f"rule {config.name}: key = {config.key!r} is not a JMESPath expression: {error}",
            hint="Write bucket, prefix, or an expression on the event such as join('/', [bucket, folder]).",
        ) from None

    def key_of_event(event: ObjectEvent) -> str | None:
        try:
            value = expression.search(_document(event))
        except JMESPathError:
            return None  # the expression needs a value that this event does not have: the rule does not match
        return _storable(value if isinstance(value, str) else str(value)) if value not in (None, "", [], {}) else None

    return key_of_event


def _document(event: ObjectEvent) -> dict[str, Any]:
    parts = event.key.split("/")
    return {
        "kind": event.kind.value,
        "name": event.name,
        "bucket": event.bucket,
        "key": event.key,
        "folder": "/".join(parts[:-1]),
        "folders": parts[:-1],
        "file": parts[-1],
        "size_bytes": event.size_bytes,
        "region": event.region,
        "account_id": event.account_id,
    }


def _storable(key: str) -> str:
    """Return a key that databases accept: no NUL, valid Unicode, not too long."""
    plain = key.replace("\0", "\\0").encode("utf-8", "backslashreplace")
    return plain[:MAX_KEY_BYTES].decode("utf-8", "ignore")
