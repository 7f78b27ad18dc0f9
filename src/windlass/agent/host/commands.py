"""Runs programs of the host and reads its files."""

from __future__ import annotations

import os
import shutil
import subprocess

__all__ = ["ReadError", "has_program", "output_of", "read_text"]

TIMEOUT_S = 60
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin"


class ReadError(Exception):
    """A section cannot be read; the text says why."""


def has_program(name: str) -> bool:
    """True when the host has this program."""
    return shutil.which(name, path=_PATH) is not None


def output_of(*command: str) -> str:
    """Return what a program prints, in English. ReadError when it fails."""
    environment: dict[str, str] = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/")}
    arguments: list[str] = list(command)
    try:
        result = subprocess.run(  # noqa: S603  programs of the host, without a shell
            arguments, capture_output=True, timeout=TIMEOUT_S, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReadError("%s: %s" % (command[0], type(error).__name__)) from None
    if result.returncode:
        message = result.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ReadError("%s ended with %d: %s" % (command[0], result.returncode, message[-1] if message else ""))
    return result.stdout.decode("utf-8", "replace")


def read_text(path: str) -> str:
    """Return a file's text without white space around it; empty when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
