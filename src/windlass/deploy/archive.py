"""The archive: zip bytes that depend only on its files, and bytecode for its modules.

Paths are sorted, dated 1980, in one of two modes and compressed at one level; two machines with the same zlib make the same zip.
Bytecode saves a cold start from compiling, because Lambda's code folder is read-only. It carries no date (PEP 552, unchecked).
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from windlass.core.errors import ConfigError, Conflict
from windlass.deploy.bundle import ZipEntry

__all__ = ["by_path", "bytecode", "interpreter", "zip_bytes"]

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 9
_UNIX = 3
_CODE_FOLDER = "/var/task"
_COMPILE_TIMEOUT_S = 600


def by_path(entries: Iterable[ZipEntry]) -> Mapping[str, ZipEntry]:
    """Return the entries by path, sorted. Raises Conflict when two entries of one path differ."""
    paths: dict[str, ZipEntry] = {}
    for entry in sorted(entries, key=lambda item: item.path):
        if paths.setdefault(entry.path, entry).content != entry.content:
            raise Conflict(
                f"two different files have the path {entry.path} in the zip", hint="Rename the file you add."
            )
    return paths


def zip_bytes(entries: Iterable[ZipEntry]) -> bytes:
    """Return the zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry in by_path(entries).values():
            info = zipfile.ZipInfo(entry.path, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = _UNIX
            info.external_attr = (0o100755 if entry.executable else 0o100644) << 16
            archive.writestr(info, entry.content, compresslevel=_LEVEL)
    return buffer.getvalue()


def interpreter(python: str) -> str:
    """Return a Python interpreter of that version: this one, or one on the PATH; empty when there is none."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == python:
        return sys.executable
    program = shutil.which(f"python{python}")
    if program is None:
        return ""
    command = [program, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    response = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    return program if response.stdout.strip() == python else ""


def bytecode(entries: Iterable[ZipEntry], python: str, *, folder: str = _CODE_FOLDER) -> list[ZipEntry]:
    """Return the bytecode of every module among the entries; `folder` is where Lambda unpacks the zip (seen in tracebacks).

    Files that are no valid Python, such as templates, have none. Raises ConfigError when the interpreter does not run.
    """
    sources = [entry for entry in entries if entry.path.endswith(".py")]
    with tempfile.TemporaryDirectory(prefix="windlass-zip-") as scratch:
        for entry in sources:
            path = Path(scratch) / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry.content)
        command = [interpreter(python), "-I", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash"]
        command += ["-s", scratch, "-p", folder, scratch]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False)  # noqa: S603
        compiled = sorted(Path(scratch).rglob("*.pyc"))
        if done.returncode and not compiled and sources:
            raise ConfigError(
                f"{command[0]} cannot compile the zip's modules: {done.stderr.strip()[-200:]}",
                hint="Leave the bytecode out with --no-bytecode; the function's first call then takes longer.",
            )
        return [ZipEntry(path.relative_to(scratch).as_posix(), path.read_bytes()) for path in compiled]
