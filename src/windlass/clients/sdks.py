"""The dated tables of SDKs and language runtimes (`data/*.toml`), used by both engines and the report."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any

from windlass.clients.versions import Version, parse_version

__all__ = ["ALWAYS", "NEVER", "End", "Runtime", "Sdk", "end_of", "family_of", "runtimes", "sdks", "supported_from"]

ALWAYS, NEVER = "always", "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of support of versions below `below`, on `day`, according to `source`; `seen` is how it was verified.

    Without a day, support ended on a day that AWS does not publish.
    """

    below: str
    day: date | None
    seen: str
    source: str
    note: str = ""

    @property
    def bound(self) -> Version:
        """`below` as numbers."""
        version = parse_version(self.below)
        assert version is not None
        return version

    def is_past(self, on: date) -> bool:
        """True when support has ended by that day."""
        return self.day is None or self.day <= on


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A language runtime: its names in agents, and the ends of support of its versions.

    `platforms` are names of operating systems that precede its version (`darwin/v13.2.0`).
    """

    id: str
    title: str
    names: tuple[str, ...]
    platforms: tuple[str, ...]
    advice: str
    checked: date
    ends: tuple[End, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """An SDK: its product names in agents, its first version with SigV4 by default, and its ends of support."""

    id: str
    title: str
    products: tuple[str, ...]
    sigv4: str
    seen: str
    source: str
    advice: str
    bundles_runtime: str
    successor: str
    checked: date
    ends: tuple[End, ...]

    @property
    def upgrade(self) -> str:
        """The release to upgrade to: AWS supports it, and it signs S3 requests with SigV4 by default."""
        if self.successor:
            return self.successor
        newest = max(self.ends, key=lambda end: end.bound, default=None)
        return f"{self.title} {newest.below}" if newest else f"{self.title}, current release"

    @property
    def sigv4_bound(self) -> Version | None:
        """The first version that signs with SigV4 by default; None for always, never and unknown."""
        return None if self.sigv4 in ("", ALWAYS, NEVER) else parse_version(self.sigv4)


@functools.cache
def sdks() -> Mapping[str, Sdk]:
    """Return every SDK by id, in the order of the file."""
    return {
        row["id"]: Sdk(
            id=row["id"],
            title=row["title"],
            products=tuple(row["products"]),
            sigv4=row["sigv4"],
            seen=row["seen"],
            source=row["source"],
            advice=row["advice"],
            bundles_runtime=row.get("bundles_runtime", ""),
            successor=row.get("successor", ""),
            checked=row["checked"],
            ends=_ends(row),
        )
        for row in _rows("sdks.toml", "sdk")
    }


@functools.cache
def runtimes() -> Mapping[str, Runtime]:
    """Return every language runtime by id."""
    return {
        row["id"]: Runtime(
            id=row["id"],
            title=row["title"],
            names=tuple(row["names"]),
            platforms=tuple(row.get("platforms", ())),
            advice=row["advice"],
            checked=row["checked"],
            ends=_ends(row),
        )
        for row in _rows("runtimes.toml", "runtime")
    }


@functools.cache
def family_of(product: str) -> str:
    """Return the id of the SDK with this product name, in any case; empty for none."""
    name = product.lower()
    for sdk in sdks().values():
        for pattern in sdk.products:
            if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
                return sdk.id
    return ""


def end_of(ends: Iterable[End], version: Version | None) -> End | None:
    """Return the end of support of a version, past or future; None when it has none."""
    if version is None:
        return None
    return next((end for end in ends if version < end.bound), None)


def supported_from(ends: Iterable[End], on: date) -> str:
    """Return the first version that is supported on that day; empty when no support has ended yet."""
    past = [end for end in ends if end.is_past(on)]
    return max(past, key=lambda end: end.bound).below if past else ""


def _rows(name: str, key: str) -> list[dict[str, Any]]:
    text = files("windlass.clients").joinpath("data", name).read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return [{"checked": table["checked"], **row} for row in table[key]]


def _ends(row: Mapping[str, Any]) -> tuple[End, ...]:
    return tuple(
        End(
            below=end["below"],
            day=date.fromisoformat(end["date"]) if end["date"] else None,
            seen=end["seen"],
            source=end["source"],
            note=end.get("note", ""),
        )
        for end in row.get("ends", ())
    )
