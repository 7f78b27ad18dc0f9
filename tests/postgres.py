"""Starting a throw-away PostgreSQL: the machine's own, or the one in the pgserver wheel. Never as root."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Postgres:
    """A running server; `stop()` ends it and removes its data."""

    url: str
    folder: Path
    command: list
    start: list

    def go_down(self):
        """As a restart begins: sessions are cut off, nobody is let in."""
        subprocess.run([*self.command, "-w", "-m", "immediate", "stop"], capture_output=True, check=True, timeout=60)

    def come_back(self):
        """On the same port, with the same data."""
        subprocess.run(self.start, capture_output=True, check=True, timeout=60, cwd=self.folder)

    def stop(self):
        subprocess.run([*self.command, "-m", "immediate", "stop"], capture_output=True, check=False, timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


def start_postgres(_):
    """A Postgres, or the reason why there is none."""
    binaries = _binaries()
    if binaries is None:
        return "no PostgreSQL: neither initdb on this machine nor the pgserver wheel (it has none for this Python)"
    folder = Path(tempfile.mkdtemp(prefix="windlass-pg-"))
    prefix = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        if not shutil.which("setpriv"):
            return "running as root without setpriv: PostgreSQL refuses root"
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    control = [*prefix, str(binaries / "pg_ctl"), "-D", str(data)]
    init = [*prefix, str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "app", "--no-sync", "-E", "UTF8"]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60"
    start = [*control, "-w", "-o", options, "-l", str(folder / "log"), "start"]
    for step in (init, start):
        done = subprocess.run(step, capture_output=True, text=True, check=False, timeout=60, cwd=folder)
        if done.returncode:
            return f"PostgreSQL did not start: {(done.stderr or done.stdout).strip()[-300:]}"
    return Postgres(f"postgresql://app@127.0.0.1:{port}/postgres", folder, control, start)


def _binaries():
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if debian:
        return debian[-1].parent
    try:
        import pgserver
    except ImportError:
        return None
    return Path(pgserver.__file__).parent / "pginstall" / "bin"
