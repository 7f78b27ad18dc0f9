"""This process as a holder of leases, and whether another process of this machine has ended."""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

from windlass.store.leases.model import Holder

__all__ = ["is_gone", "this_process"]

_DEAD_STATES = ("Z", "X")  # proc(5): a zombie only waits for its parent


def this_process() -> Holder:
    """Return this process as a holder. A forked child is another holder."""
    return _holder(os.getpid())


def is_gone(holder: Holder) -> bool:
    """Return whether the holder's process is known to have ended.

    Only a process of the same host name, boot and pid namespace can be judged; of all others this is false.
    """
    here = this_process()
    if not holder.machine or (holder.host, holder.machine) != (here.host, here.machine):
        return False
    if not _exists(holder.pid):
        return True
    started, state = _start_and_state(holder.pid)
    return state in _DEAD_STATES or bool(started and holder.started and started != holder.started)


@functools.lru_cache(maxsize=2)
def _holder(pid: int) -> Holder:
    return Holder(host=socket.gethostname()[:255], machine=_machine(), pid=pid, started=_start_and_state(pid)[0])


def _machine() -> str:
    """Return a digest of boot and pid namespace, where pid and start time name one process; empty when unknown."""
    try:
        if sys.platform == "darwin":  # it has no pid namespaces
            boot = subprocess.run(
                ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"],
                capture_output=True,
                text=True,
                timeout=5,
                check=True,
            ).stdout.strip()
            space = "darwin"
        else:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
            space = str(Path("/proc/self/ns/pid").readlink())
    except (OSError, subprocess.SubprocessError):
        return ""
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:32] if boot else ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs as another user
        return True
    return True


def _start_and_state(pid: int) -> tuple[str, str]:
    """Return the process's start in clock ticks since boot and its state letter (proc(5), stat); empty without /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return (fields[19], fields[0]) if len(fields) > 19 else ("", "")
