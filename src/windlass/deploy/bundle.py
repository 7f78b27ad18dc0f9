"""The functions that can be built, their optional extras, the platform that a zip is for, and a file of a zip. Values only."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, field
from typing import TypeVar

from windlass.core.errors import UsageError

__all__ = [
    "BUNDLES",
    "EXTRAS",
    "NAMES",
    "RUNTIME",
    "VERSIONS",
    "Bundle",
    "Extra",
    "Platform",
    "ZipEntry",
    "bundle_of",
    "extra_of",
    "this_platform",
]

VERSIONS = ("3.11", "3.12", "3.13")
"""Python versions that Lambda offers and Windlass supports."""
RUNTIME = ("boto3", "botocore", "s3transfer", "urllib3", "python-dateutil", "six")
"""Distributions that Lambda's runtime provides. A zip holds them only with `--with boto3`."""
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_BASE = (
    "annotated-types",
    "jmespath",
    "orjson",
    "pydantic",
    "pydantic-core",
    "structlog",
    "typing-extensions",
    "typing-inspection",
)


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file of a zip: its path, its bytes, and whether it is executable."""

    path: str
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Extra:
    """Distributions that some configurations need. `modules` are the names under which their code is imported."""

    name: str
    distributions: tuple[str, ...]
    modules: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A function: its name on the command line, its handler's module, its section of windlass.toml and its distributions.

    `excluded` are modules of Windlass (with all below them) that the function imports only with a store, which it never has.
    """

    name: str
    module: str
    section: str
    distributions: tuple[str, ...] = _BASE
    excluded: tuple[str, ...] = field(default=("windlass.store", "windlass.settings.model"))

    @property
    def handler(self) -> str:
        """The function's handler as Lambda names it."""
        return f"{self.module}.handler"


@dataclass(frozen=True, slots=True)
class Platform:
    """Where a zip runs: Lambda's architecture (`arm64`, `x86_64`) and Python's version (`3.12`)."""

    arch: str
    python: str

    @property
    def machine(self) -> str:
        """The architecture as wheels name it."""
        return "aarch64" if self.arch == "arm64" else "x86_64"

    @property
    def glibc(self) -> int:
        """Return the minor version of glibc 2: Python 3.11 runs on Amazon Linux 2, later versions on Amazon Linux 2023."""
        return 26 if self.python == "3.11" else 34


BUNDLES = (
    Bundle(
        "pipeline",
        "windlass.functions.pipeline",
        "pipeline",
        tuple(sorted([*_BASE, "httptools", "pyyaml"])),
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
    Extra(
        "boto3",
        (*RUNTIME, "jmespath"),
        ("boto3", "botocore"),
        "boto3 at the locked version, instead of the runtime's",
    ),
)
NAMES = tuple(sorted({name for group in (*BUNDLES, *EXTRAS) for name in group.distributions}))
"""Every distribution that a zip may hold."""

Named = TypeVar("Named", Bundle, Extra)


def bundle_of(name: str) -> Bundle:
    """Return the bundle of that name. Raises UsageError, which lists the names."""
    return _named(BUNDLES, name, "function")


def extra_of(name: str) -> Extra:
    """Return the extra of that name. Raises UsageError, which lists the names."""
    return _named(EXTRAS, name, "extra")


def _named(known: tuple[Named, ...], name: str, noun: str) -> Named:
    match = next((item for item in known if item.name == name), None)
    if match is None:
        raise UsageError(f"there is no {noun} {name!r}", hint=f"Choose one of: {', '.join(i.name for i in known)}.")
    return match


def this_platform() -> Platform | None:
    """Return this interpreter's platform; None when Lambda does not have it (another system, C library or Python version)."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    arch = _MACHINES.get(platform.machine().lower(), "")
    runs_in_lambda = (
        sys.platform == "linux" and platform.libc_ver()[0] == "glibc" and sys.implementation.name == "cpython"
    )
    return Platform(arch, version) if arch and runs_in_lambda and version in VERSIONS else None
