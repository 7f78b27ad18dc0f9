"""Distributions as they are installed beside Windlass: what they need, and their files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from importlib import metadata
from pathlib import Path

from windlass.deploy.bundle import Entry, Target
from windlass.deploy.bundle_files import belongs
from windlass.deploy.zip_lock import normal

__all__ = ["closure", "files_of", "fits"]

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)[^;]*(?:;\s*(.*))?$")
_VERSION = re.compile(r"python_(?:full_)?version\s*(<=|>=|<|>)\s*['\"](\d+)\.(\d+)")
_PLATFORM = re.compile(r"-manylinux(?:_2_(\d+)|(1|2010|2014))_(\w+)$")
_OLD = {"1": 5, "2010": 12, "2014": 17}


def closure(roots: Iterable[str], target: Target, *, without: Collection[str] = ()) -> tuple[str, ...]:
    """The distributions and all they require on the target, by normal name; those in `without` and theirs excepted."""
    found: set[str] = set()
    waiting = [normal(root) for root in roots]
    while waiting:
        name = waiting.pop()
        if name in found or name in without:
            continue
        found.add(name)
        waiting += _requires(name, target)
    return tuple(sorted(found))


def _requires(name: str, target: Target) -> list[str]:
    try:
        said = metadata.distribution(name).requires or []
    except metadata.PackageNotFoundError:
        return []  # an extra that is not installed here; those there are require nothing
    found = []
    for line in said:
        match = _REQUIREMENT.match(line)
        if match and _holds(match[2] or "", target.python):
            found.append(normal(match[1]))
    return found


def _holds(marker: str, python: str) -> bool:
    if "extra" in marker:
        return False
    have = tuple(int(part) for part in python.split("."))
    for operator, major, minor in _VERSION.findall(marker):
        want = (int(major), int(minor))
        if not {"<": have < want, "<=": have <= want, ">": have > want, ">=": have >= want}[operator]:
            return False
    return True


def fits(name: str, target: Target) -> bool:
    """Whether what is installed here runs there: pure Python, or built for a C library that is old enough."""
    try:
        wheel = metadata.distribution(name).read_text("WHEEL") or ""
    except metadata.PackageNotFoundError:
        return False
    tags = [line.removeprefix("Tag:").strip() for line in wheel.splitlines() if line.startswith("Tag:")]
    return any(_tag_fits(tag, target) for tag in tags)


def _tag_fits(tag: str, target: Target) -> bool:
    if tag.endswith("-any"):
        return True
    found = _PLATFORM.search(tag)
    return found is not None and found[3] == target.machine and int(found[1] or _OLD[found[2]]) <= target.glibc


def files_of(name: str, *, services: Collection[str] = ()) -> list[Entry]:
    """The files of an installed distribution that belong in a zip."""
    entries = []
    for file in metadata.distribution(name).files or ():
        path = file.as_posix()
        if not belongs(name, path, services=services):
            continue
        on_disk = Path(str(file.locate()))
        if on_disk.is_file():
            entries.append(Entry(path, on_disk.read_bytes()))
    return entries
