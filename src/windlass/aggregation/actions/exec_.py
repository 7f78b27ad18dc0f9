"""exec: a command of this machine gets the summary on its standard input."""

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
    """The command ended with an error, or did not end."""


class Exec(BaseModel):
    """Run a command: its arguments as they are, no shell. It is done when the command exits with 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["exec"] = Field(default="exec", description="Runs a command.")
    command: list[str] = Field(min_length=1, description="The program and its arguments; no shell reads them.")
    timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds after which the command and what it started are killed."
    )
    environment: list[str] = Field(
        default=[],
        description=f"Names of environment variables it gets beside {', '.join(_PASSED_ON)} and WINDLASS_…: no others are passed on.",
    )
    directory: str = Field(default="", description="Where it runs; this process's directory when empty.")

    def act(self, summary: Summary, context: Context) -> None:
        """Run it to its end; CommandFailed with the end of its standard error else. Its standard output is not kept."""
        with tempfile.TemporaryFile() as errors:  # a file, not a pipe: what the command leaves running may hold it open
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
                    f"{self.command[0]} can't be run: {error.strerror}",
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
            raise CommandFailed(f"{self.command[0]} {ended}{_tail(errors)}", hint="The window is tried again.")

    def _environment(self, summary: Summary, context: Context) -> dict[str, str]:
        passed = {name: os.environ[name] for name in (*_PASSED_ON, *self.environment) if name in os.environ}
        told = {
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
        # An environment can't hold NUL; the document on standard input has the key as it is.
        return passed | {f"WINDLASS_{name}": value.replace("\0", "") for name, value in told.items()}


def _tail(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _TAIL_BYTES))
    said = masked(errors.read().decode("utf-8", "replace").strip())
    return f": {said}" if said else ""
