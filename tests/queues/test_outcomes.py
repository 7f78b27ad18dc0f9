"""Whatever a handler raises is the outcome of its message: no exception ends a worker, or keeps a slot of it."""

import asyncio
import threading

import pytest
from structlog.testing import capture_logs

from tests.queues.memory import MemoryTransport, messages
from tests.queues.test_driver import consume
from windlass.queues.coordinator import Coordinator
from windlass.queues.driver import Driver
from windlass.queues.event_loop import run_event_loop
from windlass.queues.handlers import describe, outcome_of
from windlass.queues.idempotency import once
from windlass.queues.lambda_ import lambda_handler
from windlass.queues.model import Cancel, Done, Limits, Reject, Rejected, Retry, RetryLater
from windlass.queues.process_group import run_group
from windlass.queues.runner import make_runner


class Panic(BaseException):
    """As pyo3's PanicException, func_timeout's and gevent's are: no Exception."""


class Mute(Exception):
    def __str__(self):
        raise Panic("no text")


ERRORS = {
    "panic": lambda: Panic("thread 'main' panicked"),
    "sys.exit": lambda: SystemExit(2),
    "interrupt": KeyboardInterrupt,
    "generator exit": GeneratorExit,
    "cancelled": asyncio.CancelledError,
    "stop iteration": lambda: StopIteration(1),
    "stop async iteration": StopAsyncIteration,
    "memory": MemoryError,
    "group": lambda: BaseExceptionGroup("two", [Panic("a"), ValueError("b")]),
    "text that can't be read": Mute,
    "plain": lambda: ValueError("no"),
}


class Nothing:
    """A ledger that knows nothing, for the wrapper around a handler."""

    busy_s = 60.0

    def begin(self, key, token, now):
        from windlass.queues.idempotency import Begun

        return Begun("mine", now)

    def renew(self, key, token, now):
        pass

    def end(self, key, token, now, *, done):
        pass


def forms(error):
    """Handlers of every kind that raise `error()` on m0 to m3 and return on the others."""

    def bad(message):
        return int(message.message_id[1:]) < 4

    def function(message):
        if bad(message):
            raise error()

    async def coroutine(message):
        if bad(message):
            raise error()

    async def waits_first(message):
        await asyncio.sleep(0)
        if bad(message):
            raise error()

    async def child(message):
        await asyncio.create_task(coroutine(message))

    ledger = once(Nothing(), lambda message: message.message_id)
    return {
        "function": function,
        "coroutine": coroutine,
        "later": waits_first,
        "task of its own": child,
        "once": ledger(function),
        "once, async": ledger(coroutine),
    }


@pytest.mark.parametrize("form", forms(None))
@pytest.mark.parametrize("name", ERRORS)
def test_every_exception_is_a_failure_of_its_message_and_nothing_else(name, form):
    transport, handler = MemoryTransport(messages(8)), forms(ERRORS[name])[form]

    async def main():
        driver = Driver(Coordinator(Limits(concurrency=4)), transport, name="test")
        runner = make_runner(handler, driver.ended, threads=4)
        work = asyncio.create_task(driver.run(runner))
        async with asyncio.timeout(20):
            while len(transport.deleted) < 4 or len(transport.changed) < 4:
                await asyncio.sleep(0.002)
            assert driver.coordinator.running == 0
            driver.stop()
            await work
        return driver

    driver = run_event_loop(main(), continues_after=lambda _: True)
    assert sorted(transport.deleted) == ["r4", "r5", "r6", "r7"]
    assert sorted(receipt for receipt, _ in transport.changed) == ["r0", "r1", "r2", "r3"]
    assert driver.coordinator.counts.failed == 4
    assert driver.coordinator.counts.done == 4


def test_a_failure_is_logged_with_its_traceback():
    transport = MemoryTransport(messages(1))

    def handler(_):
        raise Panic("index out of bounds")

    with capture_logs() as logs:
        consume(transport, handler, until=lambda: transport.changed)
    (failed,) = [line for line in logs if line["event"] == "message.failed"]
    assert failed["reason"] == "Panic: index out of bounds"
    assert 'raise Panic("index out of bounds")' in failed["exception"]


def test_a_task_that_is_cancelled_before_its_first_step_is_concluded():
    """None of a coroutine runs then: what concludes it can't be in it."""

    async def main():
        ended = []

        async def handler(_):
            raise AssertionError("it never starts")

        runner = make_runner(handler, ended.extend, threads=1)
        (message,) = messages(1)
        runner.start(7, message)
        runner.cancel(7, "its lease is lost")
        while not ended:
            await asyncio.sleep(0)
        return ended

    assert run_event_loop(main()) == [(7, Retry("cancelled"))]


def test_a_function_that_returns_a_coroutine_has_not_handled_its_message():
    transport = MemoryTransport(messages(1))

    async def work(_):
        raise AssertionError("nobody awaits it")

    consume(transport, lambda message: work(message), until=lambda: transport.changed)
    assert transport.deleted == []


def test_retry_later_takes_fractions_and_rounds_up():
    assert outcome_of(RetryLater(0.2)) == Retry("retry in 0.2 s", 1)
    assert outcome_of(Reject(ValueError("x"))) == Rejected("x")
    assert outcome_of(None) == Done()
    assert describe(Mute()) == "Mute: (its text cannot be read)"


def test_what_main_raises_itself_ends_it_and_a_loop_that_must_not_go_on_does_not():
    async def leave():
        raise SystemExit(3)

    async def child():
        task = asyncio.create_task(leave())
        await asyncio.wait([task])

    with pytest.raises(SystemExit):
        run_event_loop(leave(), continues_after=lambda _: True)
    with pytest.raises(SystemExit):
        run_event_loop(child())
    assert run_event_loop(child(), continues_after=lambda _: True) is None


# The same in Lambda


@pytest.mark.parametrize("form", ["function", "coroutine", "later", "task of its own"])
@pytest.mark.parametrize("name", ERRORS)
def test_in_lambda_too(name, form):
    records = [{"messageId": f"m{n}", "body": "x", "eventSource": "aws:sqs"} for n in range(6)]
    answer = lambda_handler(forms(ERRORS[name])[form])({"Records": records}, None)
    assert sorted(batch_item_failure["itemIdentifier"] for batch_item_failure in answer["batchItemFailures"]) == [
        "m0",
        "m1",
        "m2",
        "m3",
    ]


# Several in one process


def test_a_worker_that_ends_with_any_exception_ends_all_and_it_is_raised():
    class Sound:
        def run(self, *, stop=None, signals=True):
            assert stop.wait(10)
            return 0

    class Broken:
        def run(self, *, stop=None, signals=True):
            raise Panic("broken")

    with pytest.raises(Panic):
        run_group([Sound(), Broken()])


# What health says


def test_taken_slots_without_an_ended_handler_are_reported():
    coordinator = Coordinator(Limits(concurrency=2, prefetch=0, max_handling_s=600))
    coordinator.tick(0.0)
    (poll,) = coordinator.take_effects()
    coordinator.received(poll.number, messages(2), 1.0)
    starts = [effect.lease for effect in coordinator.take_effects() if hasattr(effect, "lease")]
    assert coordinator.stalled_s(101.0) == 100.0
    coordinator.handled(starts[0], Done(), 102.0)
    assert coordinator.stalled_s(500.0) == 0.0  # a slot is free
    assert not [effect for effect in coordinator.take_effects() if isinstance(effect, Cancel)]


def test_readiness_shows_for_how_long_no_handler_has_ended():
    from windlass.queues.consumer import _alive, _ready

    release, now = threading.Event(), [0.0]
    transport = MemoryTransport(messages(2))

    async def main():
        driver = Driver(Coordinator(Limits(concurrency=2, prefetch=0)), transport, name="test", now=lambda: now[0])
        runner = make_runner(lambda _: release.wait(20), driver.ended, threads=2)
        work = asyncio.create_task(driver.run(runner))
        async with asyncio.timeout(20):
            while driver.coordinator.running < 2:
                await asyncio.sleep(0.002)
            before = _ready(driver, 300)
            now[0] = 400.0
            during, alive = _ready(driver, 300), _alive(driver)
            release.set()
            while driver.coordinator.running:
                await asyncio.sleep(0.002)
            after = _ready(driver, 300)
            driver.stop()
            await work
        return before, during, alive, after

    before, during, alive, after = run_event_loop(main())
    line = "no handler has ended for 400 s while all 2 slots are taken"
    assert (before, during, alive, after) == ((True, ""), (False, line), (True, line), (True, ""))
