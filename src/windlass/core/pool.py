"""Runs blocking work in parallel: bounded threads, results in completion order, back-pressure, cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Outcome", "map_bounded"]

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, Result]):
    """The outcome of one item: a result, or an exception."""

    item: Item
    result: Result | None = None
    error: BaseException | None = None


def map_bounded(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    limit: int,
    stop: threading.Event | None = None,
    name: str = "windlass",
) -> Iterator[Outcome[Item, Result]]:
    """Yield the outcomes of `work` over `items` as they finish.

    At most `limit` items are in progress, and at most `limit` more are taken from `items` in advance, so an endless or
    expensive iterable is safe. When `stop` is set, no further item starts; those in progress finish.
    """
    halted = stop or threading.Event()
    source = iter(items)
    pending: dict[Future[Result], Item] = {}
    with ThreadPoolExecutor(max_workers=limit, thread_name_prefix=name) as executor:
        try:
            while True:
                while len(pending) < 2 * limit and not halted.is_set():
                    try:
                        item = next(source)
                    except StopIteration:
                        break
                    pending[executor.submit(work, item)] = item
                if not pending:
                    return
                finished, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    item = pending.pop(future)
                    error = future.exception()
                    yield Outcome(item, None if error else future.result(), error)
                if halted.is_set():
                    pending = {future: item for future, item in pending.items() if not future.cancel()}
        finally:
            for future in pending:
                future.cancel()
