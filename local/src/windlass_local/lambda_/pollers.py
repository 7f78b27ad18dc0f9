"""The pollers of all event source mappings, on a separate event loop and thread, which exist while there are mappings."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from windlass_local.lambda_.poller import Invoke, Poller, PollerSettings
from windlass_local.sqs.region_queues import RegionQueues
from windlass_local.sqs.resource import SqsQueue
from windlass_local.workers import Workers

__all__ = ["Pollers"]


@dataclass(slots=True)
class _Source:
    region: RegionQueues
    queue: SqsQueue
    settings: PollerSettings | None  # None: disabled
    poller: Poller | None = None


class Pollers:
    """Mappings by id. Every method may be called from any thread except the pollers' own."""

    def __init__(self, invoke: Invoke, calls: Workers) -> None:
        self._invoke, self._calls = invoke, calls
        self._lock = threading.RLock()
        self._sources: dict[str, _Source] = {}
        self._paused = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def open(self, mapping_id: str, region: RegionQueues, queue: SqsQueue, settings: PollerSettings | None) -> None:
        """Add a mapping; without settings it is disabled."""
        with self._lock:
            self._sources[mapping_id] = source = _Source(region, queue, settings)
            self._apply([source])

    def change(self, mapping_id: str, settings: PollerSettings | None) -> None:
        """Change a mapping's settings; batches in progress finish with the old ones."""
        with self._lock:
            source = self._sources.get(mapping_id)
            if source is not None:
                source.settings = settings
                self._apply([source])

    def close(self, mapping_id: str) -> None:
        """Remove a mapping; batches in progress are finished."""
        with self._lock:
            source = self._sources.pop(mapping_id, None)
            if source is not None:
                source.settings = None
                self._apply([source])

    def forget(self) -> None:
        """Close all."""
        with self._lock:
            self._end()
            self._sources.clear()

    def pause(self) -> None:
        """Stop the thread and its polls: no server is up."""
        with self._lock:
            self._paused = True
            self._end()

    def resume(self) -> None:
        """Start polling again: a server is up."""
        with self._lock:
            self._paused = False
            self._apply(self._sources.values())

    def _apply(self, sources: Iterable[_Source]) -> None:
        if self._paused:
            return
        for source in sources:
            if source.settings is not None or source.poller is not None:
                self._on_loop(lambda source=source, settings=source.settings: self._start(source, settings))  # type: ignore[misc]

    def _start(self, source: _Source, settings: PollerSettings | None) -> None:
        if source.poller is None:
            source.poller = Poller(source.region, source.queue, self._invoke, self._calls)
        source.poller.apply(settings)

    def _on_loop(self, act: Callable[[], None]) -> None:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name="lambda-event-sources", daemon=True)
            self._thread.start()
        self._loop.call_soon_threadsafe(act)

    def _end(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        for source in self._sources.values():
            source.poller = None
        if loop is not None and thread is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.stop)
            thread.join(5)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        loop.run_until_complete(_cancelled(asyncio.all_tasks(loop)))
    finally:
        loop.close()


async def _cancelled(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
