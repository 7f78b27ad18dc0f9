"""The embedded AWS as processes: started by its own command, reached over HTTP, never imported."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from windlass.core.errors import AwsError, ConfigError

__all__ = ["SECRET_VARIABLE", "embedded_command", "replace_process", "run_process", "started", "stdout_line"]

SECRET_VARIABLE = "EMBEDDED_AWS_SECRET"
_STOP_S = 10.0


def embedded_command(*words: str) -> list[str]:
    """Return the command line of `windlass-local WORDS`. ConfigError when the embedded AWS is not installed."""
    if find_spec("windlass_local") is None:
        raise ConfigError("the embedded AWS is not installed", hint="pip install 'windlass-aws[local]'")
    return [sys.executable, "-m", "windlass_local", *words]


def replace_process(*words: str, environ: Mapping[str, str] = os.environ) -> int:
    """Replace this process by `windlass-local WORDS`. Where that is impossible, run it and return its exit code."""
    command = embedded_command(*words)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execve(command[0], command, dict(environ))  # noqa: S606  our own interpreter and module
    return subprocess.call(command, env=dict(environ))  # noqa: S603  the same


def run_process(*words: str) -> str:
    """Run `windlass-local WORDS` to its end and return its stdout. AwsError when it fails; its stderr says why."""
    ended = subprocess.run(embedded_command(*words), stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if ended.returncode:
        raise AwsError(
            f"`windlass-local {words[0]}` failed with exit code {ended.returncode}",
            hint="Its message on stderr says why.",
        )
    return ended.stdout.strip()


@contextlib.contextmanager
def started(*words: str, log: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `windlass-local WORDS` for the block, its stderr in `log`.

    The process ends when its stdin is closed: at the end of the block, and when this process exits or is killed.
    """
    command = embedded_command(*words)
    with (
        log.open("ab") as stderr,
        subprocess.Popen(  # noqa: S603  our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, start_new_session=True
        ) as process,
    ):
        try:
            yield process
        finally:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_S)
            process.kill()


def stdout_line(process: subprocess.Popen[str], log: Path) -> str:
    """Return the next line of a started process. AwsError when the process has ended."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise AwsError("the embedded AWS ended", hint=f"Read {log}.")
    return line
