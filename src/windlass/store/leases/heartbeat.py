"""The heartbeat: renews a lease while its holder works."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from windlass.core.errors import WindlassError
from windlass.store.leases.model import RENEW_DEADLINE_S, RENEW_S, RETRY_S

__all__ = ["Heartbeat", "keep_renewed", "threaded_heartbeat"]


class Heartbeat(Protocol):
    """Runs renewals beside the work: on a thread, or in a simulation's time."""

    def __call__(self, renew: Callable[[], bool], lost: Callable[[str], None], /) -> AbstractContextManager[None]:
        """Call `renew` during the block until it is false; call `lost` with the reason when the lease may be lost."""


def keep_renewed(
    renew: Callable[[], bool],
    lost: Callable[[str], None],
    *,
    wait: Callable[[float], bool],
    monotonic: Callable[[], float],
) -> None:
    """Renew every RENEW_S until `wait` returns true: the work has ended.

    A renewal counts from when it was sent. Refused, or none for RENEW_DEADLINE_S: `lost` is called with the reason,
    once.
    """
    renewed_at, pause_s = monotonic(), RENEW_S
    while not wait(pause_s):
        sent_at, pause_s = monotonic(), RENEW_S
        try:
            if not renew():
                lost("another process took it over")
                return
            renewed_at = sent_at
        except WindlassError as error:  # the database does not answer; it may recover in time
            pause_s, reason = RETRY_S, error.message
        else:
            continue
        if monotonic() - renewed_at >= RENEW_DEADLINE_S:
            lost(f"it could not be renewed for {RENEW_DEADLINE_S:g} s: {reason}")
            return


@contextlib.contextmanager
def threaded_heartbeat(renew: Callable[[], bool], lost: Callable[[str], None]) -> Iterator[None]:
    """Renew on a thread during the block."""
    ended = threading.Event()
    thread = threading.Thread(
        target=keep_renewed,
        args=(renew, lost),
        kwargs={"wait": ended.wait, "monotonic": time.monotonic},
        name="lease-heartbeat",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
