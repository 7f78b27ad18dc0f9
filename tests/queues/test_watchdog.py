"""A handler that blocks the event loop: its lease lives on, its line of code is named, and it is counted."""

import asyncio
import threading
import time

from structlog.testing import capture_logs

from tests.queues.memory import MemoryTransport, messages
from windlass.core.errors import AwsError
from windlass.queues.coordinator import Coordinator
from windlass.queues.driver import Driver
from windlass.queues.event_loop import run_event_loop
from windlass.queues.model import Cancel, ChangeVisibility, Limits, Retry, Start
from windlass.queues.runner import make_runner
from windlass.queues.watchdog import Watchdog
from windlass.wire.sqs import Failed


class Clock:
    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


def block(seconds, watched, *, own=None):
    """A worker of a virtual clock whose only handler blocks the loop for so many of its seconds; what came of it."""
    transport, clock = MemoryTransport(messages(1)), Clock()
    own = own or MemoryTransport()
    blocked, release, made = threading.Event(), threading.Event(), threading.Event()
    kept = {}

    async def handler(_):
        blocked.set()
        release.wait(20)  # the fault: it does not await

    async def main():
        driver = kept["driver"] = Driver(Coordinator(Limits(visibility_s=60)), transport, name="test", now=clock)
        made.set()
        work = asyncio.create_task(driver.run(make_runner(handler, driver.ended, threads=1)))
        async with asyncio.timeout(20):
            while not (transport.deleted or driver.coordinator.counts.lost_leases):
                await asyncio.sleep(0.002)
            driver.stop()
            await work

    thread = threading.Thread(target=lambda: run_event_loop(main()))
    thread.start()
    assert made.wait(20)
    driver = kept["driver"]
    watchdog = Watchdog(driver, lambda: own, name="test")
    assert blocked.wait(20)
    while clock.at < seconds:
        clock.at += 1.0
        if watched:
            watchdog.check()
    release.set()
    thread.join(20)
    watchdog._release()
    return driver.coordinator.counts, transport, own


def test_the_lease_of_a_handler_that_blocks_the_loop_lives_and_its_message_is_done():
    with capture_logs() as logs:
        counts, transport, own = block(200.0, watched=True)
    assert transport.deleted == ["r0"]
    assert counts.done == 1
    assert counts.lost_leases == 0
    assert counts.blocked == 1
    assert 4 <= len(own.changed) <= 6  # one each 40 s, as the loop does it
    (line,) = [line for line in logs if line["event"] == "loop.blocked"]
    assert "release.wait(20)" in line["stack"]


def test_without_the_watchdog_it_is_lost():
    counts, transport, _ = block(200.0, watched=False)
    assert transport.deleted == []
    assert counts.lost_leases == 1


def test_a_broken_connection_of_the_watchdog_is_tried_again():
    class Broken(MemoryTransport):
        async def change_visibility(self, changes):
            if len(self.dead_lettered) < 2:
                self.dead_lettered.append("tried")
                raise AwsError("the network is down")
            return await super().change_visibility(changes)

    counts, transport, own = block(100.0, watched=True, own=Broken())
    assert own.dead_lettered == ["tried"] * 2
    assert transport.deleted == ["r0"]
    assert counts.lost_leases == 0


def test_a_loop_that_turns_is_left_alone():
    clock = Clock()

    async def main():
        driver = Driver(Coordinator(Limits()), MemoryTransport(), name="test", now=clock)
        watchdog = Watchdog(driver, MemoryTransport, name="test")
        for _ in range(50):
            clock.at += 10.0
            watchdog.check()
            await asyncio.sleep(0)
        return driver.coordinator.counts.blocked

    assert run_event_loop(main()) == 0


def test_its_thread_ends_with_the_consumer():
    async def main():
        driver = Driver(Coordinator(Limits(visibility_s=36)), MemoryTransport(), name="test")
        watchdog = Watchdog(driver, MemoryTransport, name="test")
        watchdog.start()
        started = time.monotonic()
        watchdog.close()
        return time.monotonic() - started, watchdog._thread.is_alive()

    took_s, alive = run_event_loop(main())
    assert not alive
    assert took_s < 2


def running_handler(**limits):
    coordinator = Coordinator(Limits(visibility_s=60, **limits))
    coordinator.tick(0.0)
    (poll,) = coordinator.take_effects()
    coordinator.received(poll.number, messages(1), 0.0)
    (start,) = [effect for effect in coordinator.take_effects() if isinstance(effect, Start)]
    return coordinator, start.lease


def test_what_goes_back_waits_until_no_extension_is_on_the_wire_neither_the_loops_nor_the_watchdogs():
    coordinator, lease = running_handler()
    coordinator.tick(45.0)
    (own,) = [effect for effect in coordinator.take_effects() if isinstance(effect, ChangeVisibility)]
    (beside,) = coordinator.due_extensions(46.0)
    coordinator.handled(lease, Retry("no", 30), 47.0)
    coordinator.changed(own.number, [], 47.5)
    assert not [effect for effect in coordinator.take_effects() if isinstance(effect, ChangeVisibility)]
    coordinator.changed(beside.number, [], 48.0)
    (back,) = [effect for effect in coordinator.take_effects() if isinstance(effect, ChangeVisibility)]
    assert [seconds for *_, seconds in back.entries] == [30]


def test_an_extension_of_the_watchdog_that_is_refused_loses_the_lease():
    coordinator, lease = running_handler()
    (beside,) = coordinator.due_extensions(50.0)
    coordinator.changed(beside.number, [Failed(0, "MessageNotInflight", "", is_sender_fault=True)], 51.0)
    assert [effect.lease for effect in coordinator.take_effects() if isinstance(effect, Cancel)] == [lease]


def test_a_handler_past_its_time_is_not_kept_by_the_watchdog():
    coordinator, _ = running_handler(max_handling_s=30)
    assert coordinator.due_extensions(50.0) == []
