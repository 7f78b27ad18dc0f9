"""Which events a rule is for, and which key each counts for. Pure."""

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
"""Longer keys are cut: DynamoDB takes 2,048 bytes, and a rule's name and what makes a text safe want some of them."""


class AggregationRule:
    """A configured rule, made ready to match; ConfigError when its expression is none."""

    def __init__(self, config: AggregateConfig) -> None:
        self.config = config
        self.name = config.name
        self._kinds = frozenset(config.kinds)
        self._buckets = _any_glob(config.buckets)
        self._globs = _any_glob(config.globs)
        self._prefixes, self._suffixes = tuple(config.prefixes), tuple(config.suffixes)
        self._key = _keyed(config)

    def key_of(self, event: ObjectEvent) -> str | None:
        """The key that the event counts for; None when the rule is not for it."""
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
        return self._key(event) if self._fits(event.size_bytes) else None

    def _fits(self, size_bytes: int | None) -> bool:
        if size_bytes is None:
            return True
        most = self.config.max_size_bytes
        return size_bytes >= self.config.min_size_bytes and (not most or size_bytes <= most)


def _any_glob(patterns: Iterable[str]) -> re.Pattern[str] | None:
    found = [f"(?:{translate(one)})" for one in patterns]
    return re.compile("|".join(found)) if found else None


def _keyed(config: AggregateConfig) -> Callable[[ObjectEvent], str | None]:
    if config.key == "bucket":
        return lambda event: event.bucket
    if config.key == "prefix":
        return lambda event: _safe(f"{event.bucket}/{_folders(event.key, config.depth)}")
    return _by_expression(config)


def _folders(key: str, depth: int) -> str:
    """The first `depth` folders of an object's key, each with its slash; fewer when there are fewer."""
    parts = key.split("/")[:-1][:depth]
    return "".join(f"{part}/" for part in parts)


def _by_expression(config: AggregateConfig) -> Callable[[ObjectEvent], str | None]:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        expression = jmespath.compile(config.key)
    except JMESPathError as error:
        raise ConfigError(
            f"rule {config.name}: key = {config.key!r} is no JMESPath: {error}",
            hint="Write bucket, prefix, or an expression on the event such as join('/', [bucket, folder]).",
        ) from None

    def keyed(event: ObjectEvent) -> str | None:
        try:
            value = expression.search(_document(event))
        except JMESPathError:
            return None  # a function given what this event has not: the rule is not for it
        return _safe(value if isinstance(value, str) else str(value)) if value not in (None, "", [], {}) else None

    return keyed


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


def _safe(key: str) -> str:
    """As databases take it: no NUL, nothing that is no Unicode, not too long."""
    plain = key.replace("\0", "\\0").encode("utf-8", "backslashreplace")
    return plain[:MAX_KEY_BYTES].decode("utf-8", "ignore")
