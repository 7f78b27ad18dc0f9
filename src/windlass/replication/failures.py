"""What failure codes mean and what to do about them; the table is failures.toml. Pure but for reading it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

__all__ = ["Explained", "explain", "replication_codes"]


@dataclass(frozen=True, slots=True)
class Explained:
    """A code's meaning, what to do, whether the same object may succeed next time as it is, and whether preflight sees it."""

    code: str
    meaning: str
    advice: str
    retry: bool = False
    predicted: bool = False


def explain(code: str, message: str = "") -> Explained:
    """What a code means; an unknown one keeps the message it came with."""
    known = _table().get(code)
    if known is not None:
        return known
    return Explained(code or "Unknown", message or "no reason was given", "See the completion report's message.", True)


def replication_codes() -> tuple[Explained, ...]:
    """The documented reasons of failed replication, by code."""
    return tuple(_read(one) for one in _document()["replication"])


@functools.cache
def _table() -> Mapping[str, Explained]:
    document = _document()
    found: dict[str, Explained] = {}
    for one in (*document["replication"], *document["task"]):
        found[one["code"]] = _read(one)
        if "also" in one:  # what older documents and S3 on Outposts call it
            found[one["also"]] = found[one["code"]]
    return found


def _read(one: Mapping[str, Any]) -> Explained:
    advice = _document()["advice"].get(one["advice"], one["advice"])
    return Explained(one["code"], one["meaning"], advice, one.get("retry", False), one.get("predicted", False))


@functools.cache
def _document() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("failures.toml").read_text("utf-8"))
