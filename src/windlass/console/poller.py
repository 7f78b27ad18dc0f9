"""A background poller that calls AWS only while somebody views a page that shows its answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

__all__ = ["ViewedPoller"]

Key = TypeVar("Key", bound=Hashable)
Snapshot = TypeVar("Snapshot")

TICK_S = 0.25  # how late the thread notices that a snapshot is due or that nobody views a page any more


class ViewedPoller(Generic[Key, Snapshot]):
    """Snapshots by key, refreshed every `interval_s` by one thread until nobody viewed them for `viewed_s`.

    `fetch` gets the key and its last snapshot (None the first time) and returns the new one. It reports errors of AWS in
    the snapshot: an exception ends the thread, and the next view starts another.
    """

    def __init__(
        self,
        name: str,
        fetch: Callable[[Key, Snapshot | None], Snapshot],
        *,
        interval_s: float,
        viewed_s: float,
        first_wait_s: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._fetch = fetch
        self._interval_s = interval_s
        self._viewed_s = viewed_s
        self._first_wait_s = first_wait_s
        self._now = now
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._viewed_at: dict[Key, float] = {}
        self._fetched_at: dict[Key, float] = {}
        self._snapshots: dict[Key, Snapshot] = {}
        self._version = 0

    @property
    def etag(self) -> str:
        """A text that differs after any snapshot changed."""
        return str(self._version)

    def view(self, keys: Iterable[Key]) -> dict[Key, Snapshot]:
        """Return the snapshots of `keys` and keep them fresh. Keys whose first fetch takes over `first_wait_s` are left out."""
        viewed = tuple(keys)
        with self._changed:
            self._viewed_at.update(dict.fromkeys(viewed, self._now()))
            if viewed and self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()
            self._changed.wait_for(lambda: all(key in self._snapshots for key in viewed), self._first_wait_s)
            return {key: self._snapshots[key] for key in viewed if key in self._snapshots}

    def _run(self) -> None:
        try:
            while due := self._due_keys():
                for key in due:
                    self._refresh(key)
        finally:
            with self._changed:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _due_keys(self) -> list[Key]:
        """Wait until a viewed key is due; empty when nobody views any."""
        with self._changed:
            while True:
                now = self._now()
                viewed = [key for key, at in self._viewed_at.items() if now - at < self._viewed_s]
                if not viewed:
                    self._viewed_at.clear()
                    self._thread = None  # under the lock, so that a view at this moment starts a new thread
                    return []
                due = [key for key in viewed if now - self._fetched_at.get(key, float("-inf")) >= self._interval_s]
                if due:
                    return due
                self._changed.wait(TICK_S)

    def _refresh(self, key: Key) -> None:
        previous = self._snapshots.get(key)
        snapshot = self._fetch(key, previous)
        with self._changed:
            self._fetched_at[key] = self._now()
            self._snapshots[key] = snapshot
            self._version += snapshot != previous
            self._changed.notify_all()
