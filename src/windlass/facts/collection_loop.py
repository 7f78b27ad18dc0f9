"""The periodic read of Systems Manager's facts, in one process of a store at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass.store.leases import Lease, Leases

__all__ = ["LEASE", "read_forever"]

LEASE = "facts.ssm"


def read_forever(
    read: Callable[[], Mapping[str, str]], leases: Leases, *, interval_s: float, stop: threading.Event
) -> None:
    """Read now and every `interval_s` seconds until `stop`. `read` returns what failed, with its reason.

    A failure is logged, and the next read begins as usual.
    """
    log = logger("facts")

    def read_once(_: Lease) -> float:
        started_s = time.monotonic()
        try:
            for where, failure in sorted(read().items()):
                log.warning("facts.read_failed", source=where, error=failure)
        except WindlassError as error:
            log.warning("facts.failed", error=error.message, hint=error.hint)
        return max(0.0, interval_s - (time.monotonic() - started_s))

    leases.run_alone(LEASE, read_once, stop=stop)
