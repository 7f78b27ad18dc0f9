"""Workers of one process that start and stop as a group."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Worker", "run_group"]


class Worker(Protocol):
    """A consumer, or a worker that runs one."""

    def run(self, *, stop: threading.Event | None = None, signals: bool = True) -> int:
        """Work until a signal, which sets `stop`, or until `stop` is set; return the exit code."""
        ...


def run_group(workers: Sequence[Worker]) -> int:
    """Run workers until a signal, and return the exit code. The first runs on this thread, which receives signals, each
    other on its own.

    When one fails, all stop, and its error is raised, so that a supervisor restarts the process.
    """
    stop = threading.Event()
    failed: list[BaseException] = []

    def run_beside(worker: Worker) -> None:
        try:
            worker.run(stop=stop, signals=False)
        except BaseException as error:  # noqa: BLE001  raised below, on the thread that is waited for
            failed.append(error)
        finally:
            stop.set()

    threads = [threading.Thread(target=run_beside, args=(worker,), name="worker") for worker in workers[1:]]
    for thread in threads:
        thread.start()
    try:
        code = workers[0].run(stop=stop)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]
    return code
