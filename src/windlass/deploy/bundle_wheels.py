"""Distributions for another architecture or Python: wheels of the locked versions, fetched by pip and checked by their hashes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from windlass.core.errors import ConfigError, NotFound
from windlass.deploy.bundle import Entry, Target
from windlass.deploy.bundle_files import belongs
from windlass.deploy.zip_lock import locked, normal

__all__ = ["fetch"]

_TIMEOUT_S = 900


def fetch(
    names: Sequence[str],
    target: Target,
    *,
    services: Collection[str] = (),
    lock: Mapping[str, tuple[str, str]] | None = None,
) -> list[Entry]:
    """The files of these distributions at their locked versions, as they are for the target. ConfigError when pip fails."""
    if not names:
        return []
    known = locked() if lock is None else lock
    missing = [name for name in names if name not in known]
    if missing:
        raise NotFound(f"{missing[0]} is not locked for zips", hint="`lambda.lock` beside this module lists what is.")
    with tempfile.TemporaryDirectory(prefix="windlass-wheels-") as folder:
        wanted = Path(folder) / "wanted.lock"
        wanted.write_text("".join(f"{known[name][1]}\n" for name in sorted(names)), "utf-8")
        _download(wanted, Path(folder), target)
        entries = []
        for wheel in sorted(Path(folder).glob("*.whl")):
            entries += _unpacked(wheel, services)
        return entries


def _download(lock: Path, folder: Path, target: Target) -> None:
    command = [*_pip(), *_options(target), "--dest", str(folder), "-r", str(lock)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603  pip
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"pip did not bring the wheels within {_TIMEOUT_S // 60} minutes", hint="Is the package index reachable?"
        ) from None
    if done.returncode:
        said = next((line for line in done.stderr.splitlines()[::-1] if line.startswith("ERROR:")), "it said nothing")
        raise ConfigError(
            f"pip can't bring the wheels for {target.arch} and Python {target.python}: {said.removeprefix('ERROR:').strip()}",
            hint="It needs a package index (`pip config list`), or a folder of wheels (PIP_FIND_LINKS, PIP_NO_INDEX=1). "
            f"{_old(target)}"
            "For this machine's own architecture and Python (--arch, --python) it takes what is installed here, where that fits.",
        )


def _old(target: Target) -> str:
    """Why a wheel may be missing though the index has the version."""
    if target.glibc >= 28:
        return ""
    return f"Python {target.python} runs on Amazon Linux 2 (glibc 2.{target.glibc}): newer builds want --python 3.12 or later. "


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is None:
        raise ConfigError(
            "pip, which fetches wheels for another architecture or Python, is not installed beside Windlass",
            hint=f"`{Path(sys.executable).name} -m ensurepip`, or build for this machine's own (--arch, --python).",
        )
    return [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
    ]


def _options(target: Target) -> list[str]:
    major_minor = target.python.replace(".", "")
    names = [f"manylinux_2_{minor}_{target.machine}" for minor in range(target.glibc, 16, -1)]
    names += [f"manylinux2014_{target.machine}"]
    return [
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        target.python,
        "--abi",
        f"cp{major_minor}",
        "--abi",
        "abi3",
        "--abi",
        "none",
        *(part for name in names for part in ("--platform", name)),
    ]


def _unpacked(wheel: Path, services: Collection[str]) -> list[Entry]:
    name = normal(wheel.name.partition("-")[0])
    entries = []
    with zipfile.ZipFile(wheel) as archive:
        for path in archive.namelist():
            head, _, rest = path.partition("/")
            if head.endswith(".data"):  # purelib and platlib end up beside the rest, the others nowhere
                kind, _, path_there = rest.partition("/")
                if kind not in ("purelib", "platlib"):
                    continue
            else:
                path_there = path
            if path_there and not path.endswith("/") and belongs(name, path_there, services=services):
                entries.append(Entry(path_there, archive.read(path)))
    return entries
