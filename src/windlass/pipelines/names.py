"""The natural file name of what a step makes."""

from __future__ import annotations

from pathlib import PurePosixPath

__all__ = ["added", "exchanged", "removed"]


def exchanged(name: str, old: tuple[str, ...], new: str) -> str:
    """`a.yaml` → `a.json`; a name that ends in none of the old suffixes gets the new one added."""
    for suffix in old:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)] + new
    return name + new


def added(name: str, suffix: str) -> str:
    """`a.json` → `a.json.gz`."""
    return name + suffix


def removed(name: str, suffixes: tuple[str, ...]) -> str:
    """`a.json.gz` → `a.json`; `a.tgz` → `a.tar`; a name with no such suffix stays."""
    lower = name.lower()
    if lower.endswith(".tgz") and ".gz" in suffixes:
        return f"{name[:-4]}.tar"
    for suffix in suffixes:
        if lower.endswith(suffix) and len(PurePosixPath(name).name) > len(suffix):
            return name[: -len(suffix)]
    return name
