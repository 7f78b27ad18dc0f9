"""A real memcached as a child process that cannot outlive us.

A shell holds the other end of a pipe from this process. When the pipe closes, because we closed it or because this process
ended in any way, the shell ends memcached. This needs no Python process and no feature of the operating system.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["Memcached", "find_memcached"]

_KEEPER = '"$@" & child=$!; read -r _; kill -9 "$child" 2>/dev/null; wait "$child"'
_MEMORY_MB = 8
_STOP_S = 5.0


def find_memcached() -> str:
    """Return the path of the memcached program, or ""."""
    return shutil.which("memcached") or ""


class Memcached:
    """A running memcached on a Unix socket; `stop` ends it."""

    def __init__(self, program: str, socket: Path) -> None:
        self.socket = socket
        command = [program, "-s", str(socket), "-m", str(_MEMORY_MB), "-t", "1", "-c", "1024"]
        if os.geteuid() == 0:  # memcached refuses to run as root without -u
            command += ["-u", "root"]
        self._keeper = subprocess.Popen(  # noqa: S603  our own words and a program found on the PATH
            ["/bin/sh", "-c", _KEEPER, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C at the terminal must reach only us: we stop it in order
        )

    def stop(self) -> None:
        """Stop the process and wait until it has ended."""
        if self._keeper.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._keeper.stdin.close()
        try:
            self._keeper.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._keeper.pid, 9)
            self._keeper.wait()
        self.socket.unlink(missing_ok=True)
