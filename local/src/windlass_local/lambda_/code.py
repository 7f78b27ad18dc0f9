"""Zips of functions and layers as folders to import from, unpacked once per content."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import threading
import zipfile
from collections.abc import Collection
from io import BytesIO
from pathlib import Path

__all__ = ["MAX_UNPACKED_BYTES", "CodeStore", "check_zip"]

MAX_UNPACKED_BYTES = 262_144_000
"""Of a function with its layers (Lambda quotas, "Deployment package size")."""
_PREFIX = "windlass-lambda-"
_KEPT = 24


def check_zip(content: bytes) -> str:
    """Return Lambda's message for a zip that it does not accept; "" for a valid one. Only the archive's directory is read."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile:
        return "Could not unzip uploaded file. Please check your file, then try to upload again."
    if size > MAX_UNPACKED_BYTES:
        return f"Unzipped size must be smaller than {MAX_UNPACKED_BYTES} bytes"
    return ""


class CodeStore:
    """Folders by the digest of their zip, in one temporary folder; the least recently used ones go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._root: Path | None = None
        self._folders: dict[str, Path] = {}

    def folder(self, digest: str, content: bytes, in_use: Collection[str] = ()) -> Path:
        """Return the folder of a zip's files. `in_use` are the digests that running processes import from: their folders stay."""
        with self._lock:
            result = self._folders.pop(digest, None)
            if result is None:
                root = self._made_root()
                result = root / digest[:40]
                if not result.exists():  # a folder with this name is complete: it is renamed at the end
                    _unpack(content, root / f"{digest[:40]}.part", result)
            self._folders[digest] = result
            for old in [folder for folder in self._folders if folder not in in_use and folder != digest][:-_KEPT]:
                shutil.rmtree(self._folders.pop(old), ignore_errors=True)
            return result

    def temporary(self, name: str) -> Path:
        """Create a folder for one process: its home, and its place for temporary files."""
        with self._lock:
            folder = self._made_root() / f"tmp-{name}"
        folder.mkdir(exist_ok=True)
        return folder

    def clear(self) -> None:
        """Remove everything."""
        with self._lock:
            root, self._root = self._root, None
            self._folders.clear()
        if root is not None:
            shutil.rmtree(root, ignore_errors=True)

    def _made_root(self) -> Path:
        if self._root is None:
            _remove_orphans()
            self._root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        return self._root


def _remove_orphans() -> None:
    """Remove the folders of embedded AWSs that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and int(owner) != os.getpid() and not _is_running(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _unpack(content: bytes, part: Path, target: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for entry in archive.infolist():
            unpacked = Path(archive.extract(entry, part))  # never outside `part`: absolute and .. paths are stripped
            mode = stat.S_IMODE(entry.external_attr >> 16)
            if mode & 0o111 and unpacked.is_file():
                with contextlib.suppress(OSError):
                    unpacked.chmod(mode | 0o600)
    part.rename(target)
