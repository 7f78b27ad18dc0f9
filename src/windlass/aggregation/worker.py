"""Aggregation as a worker: one consumer of a source queue and its rules, their timers, and the sweeper beside them."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry

from windlass.aggregation.completions import completion_of
from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import Defer, Verdict
from windlass.aggregation.engine import Engine
from windlass.aggregation.gather import Tally
from windlass.aggregation.measure import EngineCollector
from windlass.aggregation.model import Timer
from windlass.aggregation.tables.sql import SqlTimers
from windlass.aggregation.ticking import tick_forever
from windlass.aggregation.timers import read_timer
from windlass.core.errors import WindlassError
from windlass.events import ObjectEvent, Unrecognised
from windlass.observe.log import logger
from windlass.queues.config import ConsumeConfig
from windlass.queues.consumer import Consumer
from windlass.queues.handlers import describe
from windlass.queues.model import Reject, RetryLater
from windlass.queues.received_message import ReceivedMessage
from windlass.queues.service import Queues
from windlass.store.engine import Store

__all__ = ["Worker"]

_MOST_MESSAGES = 2_000
_IN_HAND = 20_000
_BATCH_WINDOW_S = 1.0
_COMPLETION_WAIT_S = 5
_COMPLETION_TRIES = 5


class Worker:
    """Every rule of one source queue. `run` blocks until SIGTERM (with `signals`) or until `stop` is set."""

    def __init__(
        self,
        engine: Engine,
        configs: Sequence[AggregateConfig],
        *,
        queues: Queues,
        store: Callable[[], Store] | None,
        timers: SqlTimers | None,
        registry: CollectorRegistry | None = None,
        health: tuple[str, int] | None = None,
        settings: dict[str, object] | None = None,
    ) -> None:
        self.engine = engine
        self.counts = EngineCollector(configs[0].queue.rstrip("/").rpartition("/")[2].rpartition(":")[2])
        self._configs = configs
        self._queues, self._store = queues, store
        self._timers = timers
        self._registry = registry or queues.registry()
        self._health = health
        self._settings = settings or {}
        self._gathering = _Gathering(engine, self.counts, linger_s=min(one.gathered_s for one in configs))
        self._ending = threading.Event()
        self._over_at = math.inf  # when the timers will have stopped; time.monotonic()

    def run(self, *, stop: threading.Event | None = None, signals: bool = True) -> int:
        """Work; the exit code. All parts stop at the same time, so a stop takes what the slowest takes: `Limits.grace_s`."""
        config = self._source_config()
        self._registry.register(self.counts)
        aside = self._aside(config)
        for thread in aside:
            thread.start()
        try:
            return self._source(config).run(stop=stop, signals=signals)
        finally:
            self._end(config)  # if it broke off, or could not even start
            for thread in aside:
                thread.join(max(0.0, self._over_at - time.monotonic()))
            self._registry.unregister(self.counts)

    def _aside(self, config: ConsumeConfig) -> list[threading.Thread]:
        """What runs beside the source queue, until `_ending` is set."""
        aside = [threading.Thread(target=self._sweep_forever, name="aggregation-sweeper", daemon=True)]
        if self._timers is not None:
            ticking = (self._timers, self._fire, self._ending, config.drain_s)
            aside.append(threading.Thread(target=tick_forever, args=ticking, name="aggregation-timers"))
        queues = sorted({one.timers for one in self._configs if one.timers})
        return aside + [
            threading.Thread(target=self._consume_timers, args=(one,), name=f"timers-{one}") for one in queues
        ]

    def _end(self, config: ConsumeConfig) -> None:
        """The source queue stops, and all else with it. A timer that it still sends waits for the next worker."""
        if not self._ending.is_set():
            self._over_at = time.monotonic() + config.limits().grace_s
            self._ending.set()

    # The source queue

    def _source_config(self) -> ConsumeConfig:
        first = self._configs[0]
        linger_s = self._gathering.linger_s
        given = {
            "name": f"aggregate-{first.name}",
            "queue": first.queue,
            "handler": "windlass.aggregation",
            "account": first.account,
            "region": first.region,
            "concurrency": _IN_HAND,
            "prefetch": 0,
            "batch_window_s": min(_BATCH_WINDOW_S, linger_s),
        }
        given |= self._times(linger_s)
        return ConsumeConfig.model_validate(given | self._settings)

    def _times(self, linger_s: float = 0.0) -> dict[str, object]:
        """Times of a consumer that follow the shortest window: what a killed worker held comes back within about one.

        Those of the settings are left alone, and are then the defaults.
        """
        if {"wait_s", "read_timeout_s", "visibility_s"} & self._settings.keys():
            return {"visibility_s": math.ceil(60 + linger_s)}
        shortest_s = min(one.shortest_s for one in self._configs)
        wait_s = max(1, min(20, math.ceil(shortest_s / 2)))
        read_timeout_s = float(wait_s + 10)
        visibility_s = max(math.ceil(read_timeout_s) + 1, min(60, math.ceil(shortest_s)))
        return {
            "wait_s": wait_s,
            "read_timeout_s": read_timeout_s,
            "visibility_s": visibility_s + math.ceil(linger_s),
        }

    def _source(self, config: ConsumeConfig) -> Consumer:
        def stopping() -> None:
            self._end(config)
            self._gathering.hurry()

        return Consumer(
            config,
            self._gathering.handle,
            queues=self._queues,
            store=self._store,
            registry=self._registry,
            health=self._health,
            stopping=stopping,
        )

    # Timers

    def _consume_timers(self, queue: str) -> None:
        first = next(one for one in self._configs if one.timers == queue)
        given = {
            "name": f"timers-{queue}",
            "queue": queue,
            "handler": "windlass.aggregation",
            "account": first.account,
            "region": first.region,
            "concurrency": 8,
            "prefetch": 2,
            "first_backoff_s": 1.0,
            "max_backoff_s": 60.0,
        }
        given |= self._times()
        names = ("wait_s", "read_timeout_s", "visibility_s", "drain_s", "flush_s", "transport")
        config = ConsumeConfig.model_validate(
            given | {name: self._settings[name] for name in names if name in self._settings}
        )
        consumer = Consumer(config, self._on_timer, queues=self._queues, store=self._store, registry=self._registry)
        try:
            consumer.run(stop=self._ending, signals=False)
        except WindlassError as error:
            logger("aggregation").error("timers.failed", queue=queue, error=error.message, hint=error.hint)

    def _on_timer(self, received: ReceivedMessage) -> None:
        timer = read_timer(received.body)
        if timer is None:
            if self._on_completion(received):
                return
            raise Reject("it is no timer of aggregation")
        verdict = self._fire(timer, receives=received.receive_count)
        if isinstance(verdict, Defer):
            raise RetryLater(math.ceil(verdict.after_s), verdict.reason)

    def _on_completion(self, received: ReceivedMessage) -> bool:
        return _completed(self.engine, received)

    def _fire(self, timer: Timer, *, receives: int = 0) -> Verdict:
        verdict = self.engine.fire(timer, receives=receives)
        self.counts.fired(verdict)
        return verdict

    def _sweep_forever(self) -> None:
        every_s = min(one.sweep_s for one in self._configs)
        while not self._ending.wait(every_s):
            try:
                self.counts.swept += self.engine.sweep()
            except WindlassError as error:
                logger("aggregation").warning("sweep.failed", error=error.message, hint=error.hint)


class _Gathering:
    """Messages in hand until their events are counted: each handler waits for the batch that it is in."""

    def __init__(self, engine: Engine, counts: EngineCollector, *, linger_s: float) -> None:
        self.linger_s = linger_s
        self._engine, self._counts = engine, counts
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._hurried = False

    async def handle(self, received: ReceivedMessage) -> None:
        """A message: done when what is in it is counted."""
        if _completed(self._engine, received):
            return
        readings = received.events()
        events = [one for one in readings if isinstance(one, ObjectEvent)]
        unknown = next((one for one in readings if isinstance(one, Unrecognised)), None)
        if unknown is not None and not events:
            raise Reject(f"it holds no object event: {unknown.reason}")
        if not self._engine.tally(self._tallies, received.message_id, events):
            self._counts.unmatched += len(events)
            return
        self._counts.events += len(events)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            self._since = time.time()
            self._timer = loop.call_later(0.0 if self._hurried else self.linger_s, self._flush)
        self._waiting.append(future)
        if len(self._waiting) >= _MOST_MESSAGES:
            self._flush()
        await future

    def hurry(self) -> None:
        """The worker stops: count what there is now."""
        self._hurried = True
        self._flush()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            task = asyncio.get_running_loop().create_task(self._count(self._tallies, self._waiting, self._since))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self._tallies, self._waiting = {}, []

    async def _count(
        self, tallies: dict[tuple[str, str], Tally], waiting: list[asyncio.Future[None]], since: float
    ) -> None:
        failed: BaseException | None = None
        try:
            await asyncio.to_thread(self._count_all, tallies, since)
        except BaseException as error:  # noqa: BLE001  its messages come again
            failed = error if isinstance(error, Exception) else RuntimeError(describe(error))
        for future in waiting:
            if future.done():
                continue  # cancelled: its lease ended
            if failed is None:
                future.set_result(None)
            else:
                future.set_exception(failed)

    def _count_all(self, tallies: dict[tuple[str, str], Tally], since: float) -> None:
        for (rule, key), tally in tallies.items():
            self._engine.count(rule, key, tally, since=since)
            self._counts.batches += 1


def _completed(engine: Engine, received: ReceivedMessage) -> bool:
    """Whether the message is a completion event; one that comes before its action was written down comes again."""
    token = completion_of(received.body)
    if not token:
        return False
    if not engine.complete(token) and received.receive_count < _COMPLETION_TRIES:
        raise RetryLater(_COMPLETION_WAIT_S, f"no action of ours is known by {token}, yet")
    return True
