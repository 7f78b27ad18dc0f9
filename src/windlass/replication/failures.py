"""Meanings of failure codes and their remedies, read from failures.toml. Pure except for reading the file."""

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
    """A code's meaning and advice, whether a retry of the unchanged object can succeed, and whether preflight predicts
    the failure.
    """

    code: str
    meaning: str
    advice: str
    retry: bool = False
    predicted: bool = False


def explain(code: str, message: str = "") -> Explained:
    """Return the meaning of a code. For an unknown code, the message is the meaning."""
    known = _table().get(code)
    if known is not None:
        return known
    return Explained(
        code or "Unknown", message or "S3 gave no reason", "Read the message in the completion report.", True
    )


def replication_codes() -> tuple[Explained, ...]:
    """Return the documented reasons of failed replication, by code."""
    return tuple(_read(one) for one in _document()["replication"])


@functools.cache
def _table() -> Mapping[str, Explained]:
    document = _document()
    found: dict[str, Explained] = {}
    for one in (*document["replication"], *document["task"]):
        found[one["code"]] = _read(one)
        if "also" in one:  # the name in older documents and in S3 on Outposts
            found[one["also"]] = found[one["code"]]
    return found


def _read(one: Mapping[str, Any]) -> Explained:
    advice = _document()["advice"].get(one["advice"], one["advice"])
    return Explained(one["code"], one["meaning"], advice, one.get("retry", False), one.get("predicted", False))


@functools.cache
def _document() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("failures.toml").read_text("utf-8"))
