"""The aggregation worker: a consumer of a source queue, its rules, their timers, and the repair of lost timers."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry

from windlass.aggregation.completions import completion_of
from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import DeferTimer, TimerVerdict
from windlass.aggregation.metrics import AggregationCollector
from windlass.aggregation.model import Timer
from windlass.aggregation.tables.sql import SqlTimers
from windlass.aggregation.tally import EventTally
from windlass.aggregation.timer_loop import run_timers
from windlass.aggregation.timers import read_timer
from windlass.aggregation.window_engine import WindowEngine
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

__all__ = ["AggregationWorker"]

_MAX_MESSAGES = 2_000
_IN_FLIGHT = 20_000
_BATCH_WINDOW_S = 1.0
_COMPLETION_WAIT_S = 5
_COMPLETION_TRIES = 5


class AggregationWorker:
    """Runs every rule of one source queue. `run` blocks until SIGTERM (with `signals`) or until `stop` is set."""

    def __init__(
        self,
        engine: WindowEngine,
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
        self.counts = AggregationCollector(configs[0].queue.rstrip("/").rpartition("/")[2].rpartition(":")[2])
        self._configs = configs
        self._queues, self._store = queues, store
        self._timers = timers
        self._registry = registry or queues.registry()
        self._health = health
        self._settings = settings or {}
        self._collector = _BatchCollector(
            engine, self.counts, linger_s=min(config.batch_window_s for config in configs)
        )
        self._ending = threading.Event()
        self._timers_stopped_by = math.inf  # when the timers will have stopped; time.monotonic()

    def run(self, *, stop: threading.Event | None = None, signals: bool = True) -> int:
        """Run the worker; return the exit code. All parts stop together, so a stop takes as long as the slowest: `Limits.grace_s`."""
        config = self._source_config()
        self._registry.register(self.counts)
        threads = self._background_threads(config)
        for thread in threads:
            thread.start()
        try:
            return self._source(config).run(stop=stop, signals=signals)
        finally:
            self._end(config)  # also after an error, or when it could not start
            for thread in threads:
                thread.join(max(0.0, self._timers_stopped_by - time.monotonic()))
            self._registry.unregister(self.counts)

    def _background_threads(self, config: ConsumeConfig) -> list[threading.Thread]:
        """Start the threads that run beside the source queue until `_ending` is set."""
        threads = [threading.Thread(target=self._repair_timers_forever, name="aggregation-repair", daemon=True)]
        if self._timers is not None:
            arguments = (self._timers, self._fire, self._ending, config.drain_s)
            threads.append(threading.Thread(target=run_timers, args=arguments, name="aggregation-timers"))
        queues = sorted({config.timers for config in self._configs if config.timers})
        return threads + [
            threading.Thread(target=self._consume_timers, args=(queue,), name=f"timers-{queue}") for queue in queues
        ]

    def _end(self, config: ConsumeConfig) -> None:
        """Stop the timers with the source queue. A timer that is sent meanwhile waits for the next worker."""
        if not self._ending.is_set():
            self._timers_stopped_by = time.monotonic() + config.limits().grace_s
            self._ending.set()

    # The source queue

    def _source_config(self) -> ConsumeConfig:
        first = self._configs[0]
        linger_s = self._collector.linger_s
        defaults = {
            "name": f"aggregate-{first.name}",
            "queue": first.queue,
            "handler": "windlass.aggregation",
            "account": first.account,
            "region": first.region,
            "concurrency": _IN_FLIGHT,
            "prefetch": 0,
            "batch_window_s": min(_BATCH_WINDOW_S, linger_s),
        }
        defaults |= self._times(linger_s)
        return ConsumeConfig.model_validate(defaults | self._settings)

    def _times(self, linger_s: float = 0.0) -> dict[str, object]:
        """Return consumer settings that follow the shortest window: a killed worker's messages are redelivered within about one.

        They are defaults: values in the settings win.
        """
        if {"wait_s", "read_timeout_s", "visibility_s"} & self._settings.keys():
            return {"visibility_s": math.ceil(60 + linger_s)}
        shortest_s = min(config.shortest_s for config in self._configs)
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
            self._collector.count_now()

        return Consumer(
            config,
            self._collector.handle,
            queues=self._queues,
            store=self._store,
            registry=self._registry,
            health=self._health,
            stopping=stopping,
        )

    # Timers

    def _consume_timers(self, queue: str) -> None:
        first = next(config for config in self._configs if config.timers == queue)
        defaults = {
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
        defaults |= self._times()
        names = ("wait_s", "read_timeout_s", "visibility_s", "drain_s", "flush_s", "transport")
        config = ConsumeConfig.model_validate(
            defaults | {name: self._settings[name] for name in names if name in self._settings}
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
            raise Reject("it is not an aggregation timer")
        verdict = self._fire(timer, receives=received.receive_count)
        if isinstance(verdict, DeferTimer):
            raise RetryLater(math.ceil(verdict.after_s), verdict.reason)

    def _on_completion(self, received: ReceivedMessage) -> bool:
        return _completed(self.engine, received)

    def _fire(self, timer: Timer, *, receives: int = 0) -> TimerVerdict:
        verdict = self.engine.on_timer(timer, receives=receives)
        self.counts.timer_ended(verdict)
        return verdict

    def _repair_timers_forever(self) -> None:
        interval_s = min(config.repair_interval_s for config in self._configs)
        while not self._ending.wait(interval_s):
            try:
                self.counts.repaired_timers += self.engine.repair_timers()
            except WindlassError as error:
                logger("aggregation").warning("repair.failed", error=error.message, hint=error.hint)


class _BatchCollector:
    """Messages whose events are not counted yet: each handler waits for the batch that its message is in."""

    def __init__(self, engine: WindowEngine, counts: AggregationCollector, *, linger_s: float) -> None:
        self.linger_s = linger_s
        self._engine, self._counts = engine, counts
        self._tallies: dict[tuple[str, str], EventTally] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def handle(self, received: ReceivedMessage) -> None:
        """Handle a message; return when its events are counted."""
        if _completed(self._engine, received):
            return
        readings = received.events()
        events = [reading for reading in readings if isinstance(reading, ObjectEvent)]
        unknown = next((reading for reading in readings if isinstance(reading, Unrecognised)), None)
        if unknown is not None and not events:
            raise Reject(f"not an object event: {unknown.reason}")
        if not self._engine.tally(self._tallies, received.message_id, events):
            self._counts.unmatched += len(events)
            return
        self._counts.events += len(events)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            self._since = time.time()
            self._timer = loop.call_later(0.0 if self._stopping else self.linger_s, self._flush)
        self._waiting.append(future)
        if len(self._waiting) >= _MAX_MESSAGES:
            self._flush()
        await future

    def count_now(self) -> None:
        """Count what was collected now, because the worker stops."""
        self._stopping = True
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
        self, tallies: dict[tuple[str, str], EventTally], waiting: list[asyncio.Future[None]], since: float
    ) -> None:
        failed: BaseException | None = None
        try:
            await asyncio.to_thread(self._count_all, tallies, since)
        except BaseException as error:  # noqa: BLE001  the messages are redelivered
            failed = error if isinstance(error, Exception) else RuntimeError(describe(error))
        for future in waiting:
            if future.done():
                continue  # cancelled: its lease ended
            if failed is None:
                future.set_result(None)
            else:
                future.set_exception(failed)

    def _count_all(self, tallies: dict[tuple[str, str], EventTally], since: float) -> None:
        for (rule, key), tally in tallies.items():
            self._engine.count(rule, key, tally, since=since)
            self._counts.batches += 1


def _completed(engine: WindowEngine, received: ReceivedMessage) -> bool:
    """Return whether the message is a completion event; RetryLater when it arrived before its action was written."""
    token = completion_of(received.body)
    if not token:
        return False
    if not engine.complete(token) and received.receive_count < _COMPLETION_TRIES:
        raise RetryLater(_COMPLETION_WAIT_S, f"no action with the token {token} is known yet")
    return True
