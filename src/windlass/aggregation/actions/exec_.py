"""exec: run a local command with the summary on its standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, Field

from windlass.aggregation.actions.base import Context
from windlass.aggregation.actions.payload import summary_text
from windlass.aggregation.model import Summary
from windlass.core.aws_errors import masked
from windlass.core.errors import ConfigError, WindlassError

__all__ = ["CommandFailed", "Exec"]

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_TAIL_BYTES = 2000


class CommandFailed(WindlassError):
    """The command failed or timed out."""


class Exec(BaseModel):
    """Run a command without a shell. It succeeds when the command exits with 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["exec"] = Field(default="exec", description="Runs a command.")
    command: list[str] = Field(min_length=1, description="The program and its arguments; no shell is used.")
    timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds after which the command and its child processes are killed."
    )
    environment: list[str] = Field(
        default=[],
        description=f"Names of environment variables to pass on, beside {', '.join(_PASSED_ON)} and WINDLASS_…; no others are passed.",
    )
    directory: str = Field(default="", description="Working directory; this process's directory when empty.")

    def act(self, summary: Summary, context: Context) -> None:
        """Run the command to its end; CommandFailed with the end of its standard error. Its standard output is discarded."""
        with tempfile.TemporaryFile() as errors:  # a file, not a pipe: a child process may hold a pipe open
            try:
                process = subprocess.Popen(  # noqa: S603  the command is the configuration's
                    self.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env=self._environment(summary, context),
                    cwd=self.directory or None,
                    start_new_session=True,
                )
            except OSError as error:
                raise ConfigError(
                    f"cannot run {self.command[0]}: {error.strerror}",
                    hint="Check the action's command and directory.",
                ) from None
            self._wait(process, summary_text(summary, context).encode(), errors)

    def _wait(self, process: subprocess.Popen[bytes], stdin: bytes, errors: IO[bytes]) -> None:
        try:
            process.communicate(stdin, timeout=self.timeout_s)
        except subprocess.TimeoutExpired:
            raise CommandFailed(
                f"{self.command[0]} did not end in {self.timeout_s:g} s{_tail(errors)}", hint="Raise timeout_s."
            ) from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        if process.returncode:
            ended = (
                f"exited with {process.returncode}" if process.returncode > 0 else f"got signal {-process.returncode}"
            )
            raise CommandFailed(f"{self.command[0]} {ended}{_tail(errors)}", hint="Windlass retries the window.")

    def _environment(self, summary: Summary, context: Context) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in (*_PASSED_ON, *self.environment) if name in os.environ}
        values = {
            "RULE": context.rule,
            "KEY": context.key,
            "ATTEMPT": context.attempt,
            "ACCOUNT_ID": context.account_id,
            "REGION": context.region,
            "BUCKET": summary.bucket,
            "EVENTS": str(summary.events),
            "FIRST_AT": summary.first_at,
            "LAST_AT": summary.last_at,
        }
        # Environment variables cannot hold NUL; the document on standard input has the key unchanged.
        return inherited | {f"WINDLASS_{name}": value.replace("\0", "") for name, value in values.items()}


def _tail(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _TAIL_BYTES))
    output = masked(errors.read().decode("utf-8", "replace").strip())
    return f": {output}" if output else ""
