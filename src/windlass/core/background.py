"""Threads beside the work: several that run for a block, and a poller that keeps values fresh while they are read."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["Poller", "running"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@contextlib.contextmanager
def running(stop: threading.Event, *targets: tuple[str, Callable[[], object]]) -> Iterator[None]:
    """Run each (thread name, function) on its own thread during the block; at its end set `stop` and wait for them."""
    threads = [threading.Thread(target=function, name=name) for name, function in targets]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class Poller(Generic[K, V]):
    """Values by key, polled on one thread only while they are read.

    `poll(key, previous)` returns a key's value and is called every `interval_s` until the key was not read for
    `idle_s`; an exception ends the polling until the next read. `changed(previous, value)` decides whether `version`
    grows.
    """

    def __init__(
        self,
        name: str,
        poll: Callable[[K, V | None], V],
        *,
        interval_s: float,
        idle_s: float,
        changed: Callable[[V | None, V], bool] = lambda previous, value: True,  # noqa: ARG005
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._poll, self._changed, self._now = name, poll, changed, now
        self._interval_s, self._idle_s = interval_s, idle_s
        self._updated = threading.Condition()
        self._thread: threading.Thread | None = None
        self._read_at: dict[K, float] = {}
        self._polled_at: dict[K, float] = {}
        self._values: dict[K, V] = {}
        self._version = 0

    @property
    def version(self) -> int:
        """A number that grows when a value changed."""
        return self._version

    def read(self, keys: Iterable[K], *, wait_s: float = 0.0) -> dict[K, V]:
        """Return the known values of the keys. Wait up to `wait_s` for the first values."""
        keys = list(keys)
        with self._updated:
            self._read_at.update(dict.fromkeys(keys, self._now()))
            if self._thread is None and keys:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._updated.notify_all()
            self._updated.wait_for(lambda: all(key in self._values for key in keys), wait_s)
            return {key: self._values[key] for key in keys if key in self._values}

    def _run(self) -> None:
        while True:
            with self._updated:
                now = self._now()
                keys = [key for key, at in self._read_at.items() if now - at < self._idle_s]
                if not keys:
                    self._thread = None
                    self._read_at.clear()
                    return
                due_at = {key: self._polled_at.get(key, float("-inf")) + self._interval_s for key in keys}
                due = [key for key in keys if due_at[key] <= now]
                if not due:
                    self._updated.wait(min(due_at.values()) - now)  # or until another key is read
                    continue
            try:
                for key in due:
                    self._poll_once(key)
            except BaseException:
                with self._updated:
                    self._thread = None  # the next read starts the polling again
                raise

    def _poll_once(self, key: K) -> None:
        previous = self._values.get(key)
        value = self._poll(key, previous)
        with self._updated:
            self._polled_at[key] = self._now()
            self._values[key] = value
            self._version += self._changed(previous, value)
            self._updated.notify_all()
