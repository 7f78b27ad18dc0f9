"""The consumer: it joins transport, coordinator, handler, health port and heartbeat, and runs until SIGTERM.

consumer = Consumer(config, handler, queues=queues)
consumer.run()
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from windlass.core.errors import ConfigError
from windlass.observe.log import logger
from windlass.queues.address import Queue
from windlass.queues.config import ConsumeConfig
from windlass.queues.coordinator import Coordinator
from windlass.queues.driver import Driver
from windlass.queues.envelope_handler import wrap_envelopes
from windlass.queues.event_loop import run_event_loop
from windlass.queues.handlers import Handler, load_handler, trace_of
from windlass.queues.health import HealthPort
from windlass.queues.heartbeat import Heartbeat
from windlass.queues.idempotency import DynamoLedger, Ledger, StoreLedger, key_of, once
from windlass.queues.metrics import ConsumerCollector
from windlass.queues.model import Counts, Limits
from windlass.queues.runner import make_runner
from windlass.queues.service import Queues
from windlass.queues.transports import Transport
from windlass.queues.watchdog import Watchdog
from windlass.store.engine import Store

__all__ = ["Consumer"]

_HUNG_S = 60.0
_REACHED_S = 90.0


class Consumer:
    """One queue and its handler. `run` blocks. Raises ConfigError at construction when the configuration is wrong.

    `stopping` is called once on the loop when a shutdown starts: a handler that collects batches should finish its batch.
    """

    def __init__(
        self,
        config: ConsumeConfig,
        handler: Handler | None = None,
        *,
        queues: Queues,
        store: Callable[[], Store] | None = None,
        registry: CollectorRegistry | None = None,
        health: tuple[str, int] | None = None,
        folder: Path | None = None,
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        self.config = config
        self.counts = Counts()
        self.health_port = 0
        self._handler = handler or load_handler(config.handler, folder=folder)
        config.limits()  # raises before the first call to AWS
        self._queues = queues
        self._store = store
        self._registry = registry or queues.registry()
        self._health = health
        self._on_stopping = stopping
        self._signals_are_ours = False
        if config.idempotency == "store" and store is None:
            raise ConfigError('idempotency = "store" needs a store', hint='Set store.url, or idempotency = "dynamodb".')

    def run(self, *, stop: threading.Event | None = None, signals: bool = True) -> int:
        """Consume until SIGTERM or SIGINT (with `signals`, on the main thread) or until `stop` is set; return the exit code.

        A signal sets `stop`, so that all workers that share it stop. A second signal exits at once with 130.
        """
        queue = self._queues.open(self.config.queue, account_id=self.config.account, region=self.config.region)
        limits = self.config.limits(fifo=queue.fifo, max_receive_count=queue.max_receive_count)
        self._check(queue, limits)
        return run_event_loop(self._main(queue, limits, stop, signals=signals), continues_after=self._continues_after)

    def _continues_after(self, error: BaseException) -> bool:
        """True when the loop continues after a SystemExit or KeyboardInterrupt: only a handler can have raised it."""
        if self._signals_are_ours:
            logger("queues").error(
                "handler.escaped", hint="A task or callback of a handler raised it.", **trace_of(error)
            )
        return self._signals_are_ours

    def _check(self, queue: Queue, limits: Limits) -> None:
        grace_s = self.config.grace_s
        if grace_s and limits.grace_s > grace_s:
            raise ConfigError(
                f"the pod's grace period of {grace_s:g} s is shorter than drain_s + flush_s + 3 = {limits.grace_s:g} s: "
                "Kubernetes would kill running handlers",
                hint=f"Set terminationGracePeriodSeconds to at least {limits.grace_s:g}, or lower drain_s.",
            )
        if not queue.dead_letter_arn:
            logger("queues").warning(
                "queue.no_dead_letters",
                queue=queue.name,
                detail="rejected messages will be retried: the queue has no redrive policy",
            )

    async def _main(self, queue: Queue, limits: Limits, stop: threading.Event | None, *, signals: bool) -> int:
        log = logger("queues").bind(queue=queue.name)
        heartbeat = self._heartbeat(queue)
        coordinator = Coordinator(limits)
        self.counts = coordinator.counts

        def make_transport() -> Transport:
            return self._queues.transport(queue, limits, lean=self.config.transport == "lean")

        transport = make_transport()
        driver = Driver(
            coordinator,
            transport,
            name=queue.name,
            watch=heartbeat.failed if heartbeat else None,
            stopping=self._on_stopping,
            delete_payload=self._queues.payload_deleter(queue) if limits.payload_bucket else None,
        )
        collector = ConsumerCollector(
            queue.name, coordinator.counts.as_dict, lambda: _gauges(driver), driver.handling, driver.age
        )
        self._registry.register(collector)
        health = await self._serve_health(driver)
        runner = make_runner(self._handler, driver.ended, threads=limits.concurrency, around=self._around(queue))
        with self._stopping(driver, stop, signals=signals), contextlib.ExitStack() as stack:
            stack.callback(self._registry.unregister, collector)
            if heartbeat is not None:
                heartbeat.start()
                stack.callback(heartbeat.close)
            watchdog = Watchdog(driver, make_transport, name=queue.name)
            watchdog.start()
            stack.callback(watchdog.close)
            watch = asyncio.create_task(_watch(driver, heartbeat, stop))
            log.info(
                "consumer.started",
                handler=self.config.handler,
                transport=self.config.transport,
                health_port=self.health_port,
                concurrency=limits.concurrency,
                visibility_s=limits.visibility_s,
            )
            try:
                await driver.run(runner)
            finally:
                watch.cancel()
                if heartbeat is not None:
                    heartbeat.show(coordinator.counts.as_dict(), 0)
                if health is not None:
                    await health.stop()
            log.info("consumer.stopped", **coordinator.counts.as_dict())
        return 0

    def _heartbeat(self, queue: Queue) -> Heartbeat | None:
        if self._store is None:
            return None
        return Heartbeat(
            self._store(), name=self.config.title, queue_arn=queue.arn, handler=self.config.handler or "code"
        )

    def _around(self, queue: Queue) -> Callable[[Handler], Handler]:
        layers = self.config.unwrap
        ledger = self._ledger(queue)

        def around(handler: Handler) -> Handler:
            wrapped = handler
            if ledger is not None:
                wrapped = once(ledger, key_of(queue.arn, self.config.idempotency_key))(wrapped)
            if not layers:
                return wrapped
            return wrap_envelopes(layers, self._queues.fetcher(queue), bucket=self.config.payload_bucket)(wrapped)

        return around

    def _ledger(self, queue: Queue) -> Ledger | None:
        busy_s = float(self.config.visibility_s)
        window_s = self.config.idempotency_window_s
        if self.config.idempotency == "store" and self._store is not None:
            return StoreLedger(self._store().patient(), busy_s=busy_s, window_s=window_s)
        if self.config.idempotency == "dynamodb":
            call = self._queues.caller(queue.account_id, queue.region, "dynamodb")
            return DynamoLedger(call, self.config.idempotency_table, busy_s=busy_s, window_s=window_s)
        return None

    async def _serve_health(self, driver: Driver) -> HealthPort | None:
        if self._health is None:
            return None
        port = HealthPort(
            alive=lambda: _alive(driver),
            ready=lambda: _ready(driver, self.config.stall_s),
            metrics=lambda: generate_latest(self._registry),
        )
        await port.start(*self._health)
        self.health_port = port.port
        return port

    @contextlib.contextmanager
    def _stopping(self, driver: Driver, external_stop: threading.Event | None, *, signals: bool) -> Iterator[None]:
        """Shut down on SIGTERM, SIGINT and SIGHUP during the block; exit at once on the second signal."""
        if not signals:
            self._signals_are_ours = True
            yield
            return
        loop = asyncio.get_running_loop()
        stop_requested = False

        def stop() -> None:
            nonlocal stop_requested
            if stop_requested:
                os._exit(130)
            stop_requested = True
            logger("queues").info(
                "consumer.stopping", in_flight=driver.coordinator.in_flight, drain_s=driver.coordinator.limits.drain_s
            )
            if external_stop is not None:
                external_stop.set()
            driver.stop()

        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        for number in numbers:
            try:
                loop.add_signal_handler(number, stop)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        self._signals_are_ours = True
        try:
            yield
        finally:
            self._signals_are_ours = False
            for number in numbers:
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(number)
                signal.signal(number, before[number])


async def _watch(driver: Driver, heartbeat: Heartbeat | None, stop: threading.Event | None) -> None:
    """Watch the external stop event and update the heartbeat, once a second."""
    while True:
        await asyncio.sleep(0.1 if stop is not None and not stop.is_set() else 1.0)
        if stop is not None and stop.is_set():
            driver.stop()
        if heartbeat is not None:
            heartbeat.show(driver.coordinator.counts.as_dict(), driver.coordinator.in_flight)


def _gauges(driver: Driver) -> Mapping[str, float]:
    coordinator = driver.coordinator
    return {
        "in_flight": coordinator.in_flight,
        "running": coordinator.running,
        "hung": coordinator.hung,
        "polling": len(coordinator.polling),
        "stalled_seconds": coordinator.stalled_s(driver.now()),
    }


def _alive(driver: Driver) -> tuple[bool, str]:
    coordinator = driver.coordinator
    if coordinator.hung and coordinator.hung >= coordinator.limits.concurrency:
        return False, f"all {coordinator.hung} handlers run longer than max_handling_s"
    return True, _stalled(driver)


def _stalled(driver: Driver, least_s: float = 60.0) -> str:
    """Return how long no handler has ended while every slot is taken, as a sentence; empty below `least_s`."""
    stalled_s = driver.coordinator.stalled_s(driver.now())
    if stalled_s < least_s:
        return ""
    return (
        f"no handler has ended for {stalled_s:.0f} s while all {driver.coordinator.limits.concurrency} slots are taken"
    )


def _ready(driver: Driver, stall_s: float) -> tuple[bool, str]:
    if driver.coordinator.stopping:
        return False, "stopping"
    if stalled := _stalled(driver, stall_s):
        return False, stalled
    if driver.complaint and time.monotonic() - driver.reached_at > _REACHED_S:
        return False, driver.complaint
    if not driver.reached_at and driver.complaint:
        return False, driver.complaint
    return True, ""
