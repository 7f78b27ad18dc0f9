"""Selection of a pipeline's objects: a bucket, a prefix, and optionally suffixes or patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate

from windlass.core.errors import ConfigError

__all__ = ["Selection", "read_selection", "split_url"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Keys under `prefix` that end in one of `suffixes` and match one of `patterns` (of the key below the prefix)."""

    bucket: str
    prefix: str = ""
    suffixes: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    def selects(self, bucket: str, key: str) -> bool:
        """Return whether the pipeline selects this object. A key that ends in / is a folder placeholder and is never selected."""
        if bucket != self.bucket or not key.startswith(self.prefix) or key.endswith("/"):
            return False
        if self.suffixes and not key.endswith(self.suffixes):
            return False
        below = key[len(self.prefix) :]
        return not self.patterns or any(re.match(translate(pattern), below) for pattern in self.patterns)

    def path(self, key: str) -> str:
        """Return the key below the prefix's last folder, the value of {path} in a template."""
        folder = self.prefix.rpartition("/")[0]
        return key[len(folder) + 1 :] if folder else key


def split_url(url: str) -> tuple[str, str]:
    """Split `s3://bucket/rest` into bucket and rest. ConfigError for anything else."""
    scheme, colon, location = url.partition("://")
    bucket, _, key = location.partition("/")
    if scheme != "s3" or not colon or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
        raise ConfigError(f"{url!r} is not s3://bucket/…", hint="Begin with the bucket's name, without placeholders.")
    return bucket, key


def read_selection(url: str, *, suffixes: tuple[str, ...] = (), patterns: tuple[str, ...] = ()) -> Selection:
    """Return the configured selection: `source = "s3://raw/incoming/"` with `suffix` and `match`."""
    bucket, prefix = split_url(url)
    if any(letter in prefix for letter in "*?{}"):
        raise ConfigError(f"{url!r} has a pattern in its prefix", hint='Use match for patterns: match = ["*.yaml"].')
    return Selection(bucket=bucket, prefix=prefix, suffixes=suffixes, patterns=patterns)
