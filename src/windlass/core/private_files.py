"""Files and folders that only their owner may read from their creation on, with any umask."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["create_private_file", "make_private_folder"]

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def make_private_folder(folder: Path) -> None:
    """Create the folder and its missing parents, each with mode 0700. OSError names the one that cannot be created.

    Folders that exist keep their mode.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(folder))
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was first; a file there fails at the next step
            path.mkdir(mode=PRIVATE_FOLDER)
            path.chmod(PRIVATE_FOLDER)  # a umask may have taken the owner's own bits


def create_private_file(path: Path) -> bool:
    """Create an empty file of mode 0600; return False when it exists, and leave it unchanged."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), PRIVATE_FILE)
    except FileExistsError:
        return False
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(handle, PRIVATE_FILE)
    finally:
        os.close(handle)
    return True
