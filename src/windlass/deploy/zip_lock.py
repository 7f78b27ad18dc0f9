"""The locked versions and hashes of what zips may hold (`lambda.lock`, package data): a part of requirements/dev.lock. Pure.

`python -m windlass.deploy.zip_lock` reads a whole lock on stdin and writes the part; `make lock` calls it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from importlib import resources

__all__ = ["NAMES", "locked", "normal", "part_of", "read_lock"]

NAMES = (
    "annotated-types",
    "boto3",
    "botocore",
    "duckdb",
    "httptools",
    "jmespath",
    "orjson",
    "pillow",
    "pyarrow",
    "pydantic",
    "pydantic-core",
    "python-dateutil",
    "pyyaml",
    "s3transfer",
    "six",
    "structlog",
    "typing-extensions",
    "typing-inspection",
    "urllib3",
    "zstandard",
)
"""Every distribution that a zip may hold; a test builds all of them and finds none missing, none superfluous."""

_START = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]*\])?==(\S+)")


def normal(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> dict[str, tuple[str, str]]:
    """Name → version and the requirement as pip reads it, markers and hashes included."""
    found: dict[str, tuple[str, str]] = {}
    for block in re.split(r"\n(?=\S)", text.strip()):
        start = _START.match(block)
        if start:
            found[normal(start[1])] = (start[3], block)
    return found


def part_of(text: str, names: Iterable[str] = NAMES) -> str:
    """The lock of these names alone."""
    known = read_lock(text)
    return "".join(f"{known[name][1]}\n" for name in sorted(names))


def locked() -> Mapping[str, tuple[str, str]]:
    """What this release was locked to."""
    return read_lock(resources.files("windlass.deploy").joinpath("lambda.lock").read_text("utf-8"))


if __name__ == "__main__":
    sys.stdout.write(part_of(sys.stdin.read()))
