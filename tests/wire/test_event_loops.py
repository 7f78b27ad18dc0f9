"""One loop for several threads: there while somebody uses it, gone afterwards, and what is interrupted is cancelled."""

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from windlass.wire.event_loops import SharedEventLoop, run_alone


async def where(barrier):
    """The thread that it runs on, when all have come."""
    await asyncio.get_running_loop().run_in_executor(None, barrier.wait, 20)
    return threading.current_thread()


def test_threads_share_it_and_the_last_one_ends_it():
    shared, barrier = SharedEventLoop("shared"), threading.Barrier(3)
    with ThreadPoolExecutor(3) as pool:
        (thread,) = {*pool.map(lambda _: shared.run(where(barrier)), range(3))}
    assert thread.name == "shared"
    assert not thread.is_alive()
    again = shared.run(where(threading.Barrier(1)))
    assert again is not thread, "a loop that was closed can't be used again"
    assert not again.is_alive()


def test_what_it_raises_is_raised_and_the_others_go_on():
    shared, go = SharedEventLoop("shared"), threading.Event()

    async def fails():
        raise ValueError("no")

    async def waits():
        while not go.is_set():
            await asyncio.sleep(0.01)
        return "done"

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: shared.run(waits()))
        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                shared.run(fails())
        go.set()
        assert other.result(20) == "done"


def test_what_is_left_is_cancelled_at_the_end():
    ended = []

    async def starts():
        async def lingers():
            try:
                await asyncio.sleep(3600)
            finally:
                ended.append(True)

        starts.task = asyncio.create_task(lingers())
        await asyncio.sleep(0)

    with contextlib.suppress(asyncio.CancelledError):
        SharedEventLoop("shared").run(starts())
    assert ended == [True]


def test_alone_it_is_this_thread():
    async def here():
        return threading.current_thread()

    assert run_alone(here()) is threading.current_thread()
