"""Windlass's own processes in the demo: a consumer, a pipeline, and an aggregator that is killed repeatedly."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["KilledWorker", "worker"]

# Short waits, so that the demo stops at once.
SHORT_WAITS = ("wait_s=2", "read_timeout_s=12", "visibility_s=30", "drain_s=4")
SHORT_LEASE = ("wait_s=2", "read_timeout_s=12", "visibility_s=14", "drain_s=4")
_KILLS = 50
_STOP_S = 10.0


@contextlib.contextmanager
def worker(
    config: Path, log_name: str, *words: str, stop: threading.Event, settings: tuple[str, ...] = ()
) -> Iterator[None]:
    """Run `windlass WORDS` with the demo's configuration for the block, its output in a log beside the configuration.

    The worker is asked to stop as soon as `stop` is set, so that several stop at the same time.
    """
    with (config.parent / log_name).open("wb") as log, _process(config, log, words, settings) as process:
        watch = threading.Thread(target=_stop_when, args=(stop, process), name=f"stop-{log_name}")
        watch.start()
        try:
            yield
        finally:
            stop.set()
            watch.join()


class KilledWorker:
    """Keeps one worker running and kills it 50 times without a warning, every few seconds."""

    def __init__(self, config: Path, log_name: str, *words: str) -> None:
        self._config, self._log_name, self._words = config, log_name, words
        self.kills = 0

    def run(self, stop: threading.Event) -> None:
        """Run until `stop`."""
        rng = random.Random(11)  # noqa: S311  a demo
        with (self._config.parent / self._log_name).open("wb") as log:
            while not stop.is_set():
                with _process(self._config, log, self._words, SHORT_LEASE) as process:
                    stop.wait(rng.uniform(1.5, 3.0) if self.kills < _KILLS else None)
                    if stop.is_set():
                        _stop(process)
                    else:
                        self.kills += 1
                    process.kill()


def _process(
    config: Path, log: IO[bytes], words: tuple[str, ...], settings: tuple[str, ...]
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "windlass", "-c", str(config), *words]
    for setting in settings:
        command += ["--setting", setting]
    return subprocess.Popen(  # noqa: S603  our own interpreter and module
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _stop_when(stop: threading.Event, process: subprocess.Popen[bytes]) -> None:
    stop.wait()
    _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    process.kill()
