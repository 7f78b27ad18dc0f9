"""Source distributions and wheels of both projects: the same bytes from the same commit, with everything in them."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from email.parser import Parser
from pathlib import Path

from tools.release.links import relative_links
from tools.release.stage import FOLDERS

__all__ = ["build", "digests", "metadata_faults", "missing_files", "wheel_of"]

_GENERATED = re.compile(r"(^|/)(__pycache__/|[^/]+\.pyc$)")
_FIELDS = ("Project-URL", "License-Expression", "Requires-Python", "Classifier")


def build(staged: Path, output: Path, *, time_s: int, folders: Sequence[str] = FOLDERS) -> list[Path]:
    """Build the sdists, and each wheel from its sdist; return the files. `time_s` is the time of all that is in them."""
    output.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        sdist = _hatchling(staged / folder, output, "sdist", time_s)
        unpacked = output / "unpacked"
        with tarfile.open(sdist) as tar:
            tar.extractall(unpacked, filter="data")
        _hatchling(unpacked / sdist.name.removesuffix(".tar.gz"), output, "wheel", time_s)
        shutil.rmtree(unpacked)
    return sorted(output.iterdir())


def _hatchling(source: Path, output: Path, target: str, time_s: int) -> Path:
    before = set(output.iterdir())
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", os.fspath(output)]
    environ = os.environ | {"SOURCE_DATE_EPOCH": str(time_s)}
    subprocess.run(command, cwd=source, env=environ, check=True, capture_output=True, text=True)
    (file,) = set(output.iterdir()) - before
    return file


def digests(files: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def wheel_of(files: Iterable[Path], distribution: str) -> Path:
    """Return the wheel of a distribution."""
    prefix = f"{distribution.replace('-', '_')}-"
    (wheel,) = (file for file in files if file.suffix == ".whl" and file.name.startswith(prefix))
    return wheel


def missing_files(wheel: Path, package: Path) -> list[str]:
    """Return the files of the package that the wheel lacks, its licence among them."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    own = {f"{package.name}/{file.relative_to(package).as_posix()}" for file in package.rglob("*") if file.is_file()}
    missing = sorted(name for name in own - names if not _GENERATED.search(name))
    return missing if any(name.endswith("/licenses/LICENSE") for name in names) else [*missing, "LICENSE"]


def metadata_faults(wheel: Path) -> list[str]:
    """Return what PyPI's page of this wheel would lack: absolute links, addresses, a version of Python."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    faults = [f"the README's link {target} is relative" for target in relative_links(str(metadata.get_payload()))]
    faults += [f"no {field}" for field in _FIELDS if field not in metadata]
    return [f"{wheel.name}: {fault}" for fault in faults]
