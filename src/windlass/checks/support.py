"""The days on which AWS ends the support of versions: the table `catalog/ends.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files

__all__ = ["UnlistedVersion", "day_of_end"]


class UnlistedVersion(Exception):
    """The table does not have this version, so the end of its support is unknown."""


def day_of_end(kind: str, version: str) -> date:
    """Return the day on which support of a version ends; of a database's minor version (16.3), that of its major one (16).

    UnlistedVersion when the table does not have it.
    """
    ends, major = _ends().get(kind, {}), version
    while major not in ends:
        major, dot, _ = major.rpartition(".")
        if not dot or not kind.startswith("rds-"):
            raise UnlistedVersion(f"{kind} {version}")
    return ends[major]


@cache
def _ends() -> Mapping[str, Mapping[str, date]]:
    return tomllib.loads((files(__package__) / "catalog" / "ends.toml").read_text("utf-8"))
