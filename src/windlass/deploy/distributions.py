"""Distributions in a zip: locked versions, and their files as installed here or as pip installs them for another platform.

`lambda.lock` is package data: the part of requirements/dev.lock that zips may hold. `make lock` writes it with
`python -m windlass.deploy.distributions`, which reads the complete lock file on stdin.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path, PurePosixPath

from windlass.core.errors import ConfigError, NotFound
from windlass.deploy.bundle import NAMES, Platform, ZipEntry

__all__ = ["belongs", "fits", "installed_files", "locked", "part_of", "platform_files"]

SERVICES = ("cloudfront", "dynamodb", "iam", "lambda", "s3", "sns", "sqs", "storagegateway", "sts")
"""AWS services that a function may call: `--with boto3` keeps only their API models."""
_PIP_TIMEOUT_S = 900
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]*\])?==(\S+)")
_WHEEL_PLATFORM = re.compile(r"-manylinux(?:_2_(\d+)|(1|2010|2014))_(\w+)$")
_LEGACY_GLIBC = {"1": 5, "2010": 12, "2014": 17}
"""The minor version of glibc 2 of a legacy manylinux tag (PEP 600)."""

_BUILD_SUFFIXES = (".pyc", ".pyi", ".pyx", ".pxd", ".pxi", ".c", ".cpp", ".cc", ".h", ".pth", ".typed")
_INSTALLER_RECORDS = re.compile(r"\.dist-info/(?!METADATA$|licenses/|LICEN[CS]E|NOTICE|COPYING|AUTHORS)")
"""An installer's own records differ between installers. Metadata and licences stay: they name the authors."""
_TESTS = re.compile(r"(^|/)(tests?|__pycache__|conftest\.py)(/|$)")
_UNUSED = re.compile(
    r"^(\.\.|bin/|_yaml|adbc_driver_duckdb|duckdb/experimental|_duckdb-stubs)"
    r"|^pydantic/(v1|mypy\.py|_hypothesis_plugin)"
    # Flight, Substrait and Gandiva are servers and engines beside Parquet; headers are for compilers.
    r"|^pyarrow/(include|src|tests|vendored/docscrape|_orc)|^pyarrow.*(flight|substrait|gandiva|\.lib$)"
)
_API_MODELS = re.compile(r"^(botocore|boto3)/(data|examples)/([^/]+)/")


def belongs(path: str, *, services: Collection[str] = SERVICES) -> bool:
    """Return whether the function needs this file of a distribution at run time."""
    if PurePosixPath(path).suffix in _BUILD_SUFFIXES or _INSTALLER_RECORDS.search(path) or _UNUSED.search(path):
        return False
    if _TESTS.search(path) and ".dist-info/" not in path:
        return False
    model = _API_MODELS.match(path)
    return model is None or (model[2] == "data" and model[3] in services)


def fits(name: str, platform: Platform) -> bool:
    """Return whether the distribution installed here runs on the platform: pure Python, or built for an older C library."""
    try:
        wheel = metadata.distribution(name).read_text("WHEEL") or ""
    except metadata.PackageNotFoundError:
        return False
    tags = [line.removeprefix("Tag:").strip() for line in wheel.splitlines() if line.startswith("Tag:")]
    return any(_tag_fits(tag, platform) for tag in tags)


def _tag_fits(tag: str, platform: Platform) -> bool:
    if tag.endswith("-any"):
        return True
    match = _WHEEL_PLATFORM.search(tag)
    return (
        match is not None
        and match[3] == platform.machine
        and int(match[1] or _LEGACY_GLIBC[match[2]]) <= platform.glibc
    )


def installed_files(name: str) -> list[ZipEntry]:
    """Return the needed files of a distribution that is installed here."""
    files = [file for file in metadata.distribution(name).files or () if belongs(file.as_posix())]
    paths = [(file.as_posix(), Path(str(file.locate()))) for file in files]
    return [ZipEntry(path, on_disk.read_bytes()) for path, on_disk in paths if on_disk.is_file()]


def platform_files(
    names: Iterable[str], platform: Platform, *, lock: Mapping[str, str] | None = None
) -> list[ZipEntry]:
    """Return the needed files of distributions at their locked versions, as pip installs them for the platform.

    Raises:
        NotFound: A distribution is not locked.
        ConfigError: pip is missing, has no package index, or found no wheel with a locked hash.

    """
    requested = sorted(names)
    if not requested:
        return []
    requirements = locked() if lock is None else lock
    unknown = [name for name in requested if name not in requirements]
    if unknown:
        raise NotFound(f"{unknown[0]} is not in lambda.lock", hint=f"A zip can hold: {', '.join(requirements)}.")
    with tempfile.TemporaryDirectory(prefix="windlass-wheels-") as scratch:
        file, folder = Path(scratch) / "wanted.lock", Path(scratch) / "site-packages"
        file.write_text("".join(f"{requirements[name]}\n" for name in requested), "utf-8")
        _pip_install(file, folder, platform)
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        entries = [ZipEntry(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]
    return [entry for entry in entries if belongs(entry.path)]


def _pip_install(lock: Path, folder: Path, platform: Platform) -> None:
    command = [*_pip(), *_platform_options(platform), "--target", str(folder), "-r", str(lock)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"pip did not download the wheels within {_PIP_TIMEOUT_S // 60} minutes",
            hint="Check that the package index can be reached.",
        ) from None
    if done.returncode:
        lines = done.stderr.splitlines()[::-1]
        reason = next((line for line in lines if line.startswith("ERROR:")), "pip printed no error")
        raise ConfigError(
            f"pip cannot download the wheels for {platform.arch} and Python {platform.python}: "
            f"{reason.removeprefix('ERROR:').strip()}",
            hint=_hint(platform),
        )


def _hint(platform: Platform) -> str:
    """Return the remedies; under an old C library a wheel may be missing although the index has the version."""
    old = (
        f"Python {platform.python} runs on Amazon Linux 2 (glibc 2.{platform.glibc}): newer wheels need --python 3.12. "
    )
    return (
        "Give pip a package index (see `pip config list`), or a folder of wheels (PIP_FIND_LINKS with PIP_NO_INDEX=1). "
        f"{old if platform.glibc < 28 else ''}"
        "A zip for this machine's own architecture and Python (--arch, --python) needs no index: it takes what is installed."
    )


def _pip() -> Sequence[str]:
    if importlib.util.find_spec("pip") is None:
        raise ConfigError(
            "pip is not installed beside Windlass; a zip for another architecture or Python version needs it",
            hint=f"Run `{Path(sys.executable).name} -m ensurepip`, or build for this machine (--arch, --python).",
        )
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    return [*command, "--no-deps", "--no-compile", "--require-hashes", "--only-binary=:all:"]


def _platform_options(platform: Platform) -> list[str]:
    names = [f"manylinux_2_{minor}_{platform.machine}" for minor in range(platform.glibc, 16, -1)]
    names.append(f"manylinux2014_{platform.machine}")
    abis = (f"cp{platform.python.replace('.', '')}", "abi3", "none")
    return [
        *("--implementation", "cp", "--python-version", platform.python),
        *(option for abi in abis for option in ("--abi", abi)),
        *(option for name in names for option in ("--platform", name)),
    ]


def part_of(text: str, names: Iterable[str] = NAMES) -> str:
    """Return the part of a lock file that holds these distributions."""
    requirements = _requirements(text)
    return "".join(f"{requirements[name]}\n" for name in sorted(names))


def locked() -> Mapping[str, str]:
    """Return this release's locked requirements by name, as pip reads them: version, markers and hashes."""
    return _requirements(resources.files("windlass.deploy").joinpath("lambda.lock").read_text("utf-8"))


def _requirements(text: str) -> dict[str, str]:
    blocks = re.split(r"\n(?=\S)", text.strip())
    matches = [(match, block) for block in blocks if (match := _LOCKED.match(block))]
    return {re.sub(r"[-_.]+", "-", match[1]).lower(): block for match, block in matches}  # PEP 503


if __name__ == "__main__":
    sys.stdout.write(part_of(sys.stdin.read()))
