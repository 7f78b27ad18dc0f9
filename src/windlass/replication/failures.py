"""Meanings of failure codes and their remedies, read from failures.toml. Pure except for reading the file."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

__all__ = ["FailureMeaning", "explain", "replication_codes"]


@dataclass(frozen=True, slots=True)
class FailureMeaning:
    """A code's meaning and advice, whether a retry of the unchanged object can succeed, and whether preflight predicts
    the failure.
    """

    code: str
    meaning: str
    advice: str
    retry: bool = False
    predicted: bool = False


def explain(code: str, message: str = "") -> FailureMeaning:
    """Return the meaning of a code. For an unknown code, the message is the meaning."""
    known = _table().get(code)
    if known is not None:
        return known
    return FailureMeaning(
        code or "Unknown", message or "S3 gave no reason", "Read the message in the completion report.", True
    )


def replication_codes() -> tuple[FailureMeaning, ...]:
    """Return the documented reasons of failed replication, by code."""
    return tuple(_read(row) for row in _document()["replication"])


@functools.cache
def _table() -> Mapping[str, FailureMeaning]:
    document = _document()
    table: dict[str, FailureMeaning] = {}
    for row in (*document["replication"], *document["task"]):
        table[row["code"]] = _read(row)
        if "also" in row:  # the name in older documents and in S3 on Outposts
            table[row["also"]] = table[row["code"]]
    return table


def _read(row: Mapping[str, Any]) -> FailureMeaning:
    advice = _document()["advice"].get(row["advice"], row["advice"])
    return FailureMeaning(row["code"], row["meaning"], advice, row.get("retry", False), row.get("predicted", False))


@functools.cache
def _document() -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("failures.toml").read_text("utf-8"))
