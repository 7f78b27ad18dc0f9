"""What goes into a function's zip, as values: the bundles there are, their extras, the target, a file, a finished zip."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, field
from typing import TypeVar

from windlass.core.errors import UsageError

__all__ = [
    "BUNDLES",
    "EXTRAS",
    "RUNTIME",
    "VERSIONS",
    "Bundle",
    "Entry",
    "Extra",
    "Target",
    "bundle_of",
    "extra_of",
    "this_target",
]

VERSIONS = ("3.11", "3.12", "3.13")
"""Lambda's Python runtimes that Windlass runs on."""
RUNTIME = ("boto3", "botocore", "s3transfer", "urllib3", "python-dateutil", "six")
"""Distributions that Lambda's runtime ships itself; left out unless `--with boto3` asks for them."""
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a zip: its path in it, its bytes, and whether it may be executed."""

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Extra:
    """Distributions that some configurations need: `modules` are what is imported of them."""

    name: str
    distributions: tuple[str, ...]
    modules: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A function: its name on the command line, the module of its handler, and what of Windlass it never reaches.

    `left_out` are modules (with all below them) that are imported inside functions which need a store.
    """

    name: str
    module: str
    section: str
    left_out: tuple[str, ...] = field(default=("windlass.store", "windlass.settings.model"))

    @property
    def handler(self) -> str:
        """The function's handler."""
        return f"{self.module}.handler"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a zip is to run: Lambda's architecture (`arm64`, `x86_64`) and Python's version (`3.12`)."""

    arch: str
    python: str

    @property
    def machine(self) -> str:
        """The architecture as wheels name it."""
        return "aarch64" if self.arch == "arm64" else "x86_64"

    @property
    def glibc(self) -> int:
        """The minor version of glibc 2 there: Amazon Linux 2 under Python 3.11, Amazon Linux 2023 under later ones."""
        return 26 if self.python == "3.11" else 34


BUNDLES = (
    Bundle(
        "pipeline",
        "windlass.functions.pipeline",
        "pipeline",
        ("windlass.store", "windlass.settings.model", "windlass.pipelines.store"),
    ),
    Bundle("aggregator", "windlass.functions.aggregate", "aggregate"),
)
EXTRAS = (
    Extra("parquet", ("pyarrow",), ("pyarrow",), "steps that read or write Parquet"),
    Extra("duckdb", ("duckdb",), ("duckdb",), "the step sql"),
    Extra("images", ("pillow",), ("PIL",), "the step thumbnail"),
    Extra("zstd", ("zstandard",), ("zstandard",), "steps that read or write Zstandard"),
    Extra(
        "transforms",
        ("duckdb", "pillow", "zstandard"),
        ("duckdb", "PIL", "zstandard"),
        "sql, thumbnail and Zstandard together",
    ),
    Extra("boto3", ("boto3",), ("boto3", "botocore"), "boto3 at the locked version, instead of the runtime's"),
)

Named = TypeVar("Named", Bundle, Extra)


def bundle_of(name: str) -> Bundle:
    """The bundle of that name; UsageError names those there are."""
    return _named(BUNDLES, name, "function")


def extra_of(name: str) -> Extra:
    """The extra of that name; UsageError names those there are."""
    return _named(EXTRAS, name, "extra")


def _named(known: tuple[Named, ...], name: str, what: str) -> Named:
    found = next((one for one in known if one.name == name), None)
    if found is None:
        raise UsageError(f"there is no {what} {name!r}", hint=f"There are: {', '.join(one.name for one in known)}.")
    return found


def this_target() -> Target | None:
    """What this interpreter would be in Lambda; None where it could not run there (another system, C library or version)."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    arch = _MACHINES.get(platform.machine().lower(), "")
    is_ours = sys.platform == "linux" and platform.libc_ver()[0] == "glibc" and sys.implementation.name == "cpython"
    return Target(arch, version) if arch and is_ours and version in VERSIONS else None
