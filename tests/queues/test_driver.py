"""The coordinator at work on a real event loop: coroutines and threads, cancellation, errors, the stop."""

import asyncio
import threading
import time

import pytest

from tests.queues.memory import MemoryTransport, messages
from windlass.queues.coordinator import Coordinator
from windlass.queues.driver import Driver
from windlass.queues.event_loop import run_event_loop
from windlass.queues.model import Limits, Reject, RetryLater
from windlass.queues.runner import make_runner


def consume(transport, handler, *, until, seconds=10, delete_payload=None, **limits):
    """Run until `until()` holds, then stop; the driver."""

    async def main():
        driver = Driver(Coordinator(Limits(**limits)), transport, name="test", delete_payload=delete_payload)
        runner = make_runner(handler, driver.ended, threads=limits.get("concurrency", 16))
        work = asyncio.create_task(driver.run(runner))
        async with asyncio.timeout(seconds):
            while not until():
                await asyncio.sleep(0.005)
            driver.stop()
            await work
        return driver

    return run_event_loop(main())


def test_coroutines_handle_everything_and_everything_is_deleted():
    transport, seen = MemoryTransport(messages(500)), []

    async def handler(message):
        await asyncio.sleep(0)
        seen.append(message.body)

    driver = consume(transport, handler, until=lambda: len(transport.deleted) == 500)
    assert sorted(seen) == sorted(f"body {n}" for n in range(500))
    assert len(set(transport.deleted)) == 500
    assert transport.closed
    assert driver.handling.count == 500


def test_functions_run_on_threads_at_once_and_no_more_than_allowed():
    transport, at_once, most = MemoryTransport(messages(60)), [], []
    lock = threading.Lock()

    def handler(_):
        with lock:
            at_once.append(1)
            most.append(len(at_once))
        time.sleep(0.01)
        with lock:
            at_once.pop()

    consume(transport, handler, until=lambda: len(transport.deleted) == 60, concurrency=8)
    assert 4 <= max(most) <= 8


def test_what_handlers_raise_decides():
    transport = MemoryTransport(messages(4))

    async def handler(message):
        match message.message_id:
            case "m0":
                raise Reject("never")
            case "m1":
                raise RetryLater(77)
            case "m2":
                raise ValueError("again")

    consume(transport, handler, until=lambda: len(transport.changed) == 2 and len(transport.deleted) == 2)
    assert transport.dead_lettered == [("m0", "never")]
    assert sorted(transport.deleted) == ["r0", "r3"]
    changed = dict(transport.changed)
    assert changed["r1"] == 77
    assert changed["r2"] > 0


@pytest.mark.parametrize("kind", ["coroutine", "thread"])
def test_a_hung_handler_is_abandoned_at_the_stop_and_its_message_goes_back(kind):
    transport, started, release = MemoryTransport(messages(1)), threading.Event(), threading.Event()

    async def coroutine(_):
        started.set()
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if release.is_set():
                    raise

    def thread(message):
        started.set()
        while not release.wait(0.01):
            assert message.body

    try:
        driver = consume(
            transport,
            coroutine if kind == "coroutine" else thread,
            until=started.is_set,
            wait_s=0,
            read_timeout_s=10,
            visibility_s=11,
            drain_s=1.0,
            flush_s=1.0,
        )
    finally:
        release.set()
    assert transport.changed == [("r0", 0)]
    assert transport.deleted == []
    assert driver.coordinator.hung == 1


def test_a_cancelled_coroutine_sees_it_and_a_thread_can_look():
    transport, told = MemoryTransport(messages(1)), []

    def handler(message):
        while not message.lost:
            time.sleep(0.005)
        told.append(message.message_id)

    consume(
        transport,
        handler,
        until=lambda: bool(told),
        max_handling_s=0.2,
        wait_s=0,
        read_timeout_s=10,
        visibility_s=11,
        drain_s=2,
    )
    assert told == ["m0"]
    assert transport.deleted == []


def test_broken_calls_are_counted_and_never_end_it():
    transport = MemoryTransport(messages(5), broken=3)

    async def handler(_):
        return None

    driver = consume(transport, handler, until=lambda: len(transport.deleted) == 5)
    assert driver.coordinator.counts.failed_polls == 3
    assert driver.complaint == ""


def test_a_defect_in_a_transport_is_a_failed_call_like_any_other():
    class Broken(MemoryTransport):
        async def delete(self, receipts):
            if not self.deleted:
                self.deleted.append("tried")
                raise KeyError("a bug")
            return await super().delete(receipts)

    transport = Broken(messages(2))

    async def handler(_):
        return None

    consume(transport, handler, until=lambda: {"r0", "r1"} <= set(transport.deleted))
    assert transport.deleted[0] == "tried"


def test_sys_exit_in_a_handler_fails_its_message_and_nothing_else():
    transport = MemoryTransport(messages(3))

    def handler(message):
        if message.message_id == "m1":
            raise SystemExit(2)

    consume(transport, handler, until=lambda: len(transport.deleted) == 2 and len(transport.changed) == 1)
    assert [receipt for receipt, _ in transport.changed] == ["r1"]


def test_a_wake_up_that_is_due_already_is_as_good_as_any():
    """uvloop gives another kind of handle for a moment that is past; a run of ten million messages met it after six."""
    transport = MemoryTransport(messages(3))

    async def main():
        driver = Driver(Coordinator(Limits()), transport, name="test")

        async def handler(_):
            driver._timer, driver.coordinator._scan_at = None, 0.0
            driver._set_timer(driver.now())
            driver._set_timer(driver.now())

        work = asyncio.create_task(driver.run(make_runner(handler, driver.ended, threads=1)))
        async with asyncio.timeout(10):
            while len(transport.deleted) < 3:
                await asyncio.sleep(0.005)
            driver.stop()
            await work

    run_event_loop(main())


def test_an_idle_stop_takes_a_second_not_a_long_poll():
    class Idle(MemoryTransport):
        async def receive(self, count, wait_s, attempt_id=""):
            self.receives += 1
            await asyncio.sleep(3600)

    transport = Idle()

    async def handler(_):
        return None

    async def main():
        driver = Driver(Coordinator(Limits(drain_s=25)), transport, name="test")
        work = asyncio.create_task(driver.run(make_runner(handler, driver.ended, threads=1)))
        await asyncio.sleep(0.01)
        driver.stop()
        started = asyncio.get_running_loop().time()
        async with asyncio.timeout(15):
            await work
        return asyncio.get_running_loop().time() - started

    assert run_event_loop(main()) < 10
    assert transport.receives == 1
