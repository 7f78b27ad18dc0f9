"""The periodic collection of facts, in one process of a store at a time."""

from __future__ import annotations

import threading
import time

from windlass.core.errors import WindlassError
from windlass.facts.collection import FactsCollection
from windlass.observe.log import logger
from windlass.store.leases import Lease, Leases

__all__ = ["LEASE", "collect_forever"]

LEASE = "facts.ssm"


def collect_forever(collection: FactsCollection, leases: Leases, *, interval_s: float, stop: threading.Event) -> None:
    """Collect now and every `interval_s` seconds until `stop`. A failure is logged, and the next collection begins as usual."""
    log = logger("facts")

    def collect_once(_: Lease) -> float:
        started_s = time.monotonic()
        try:
            result = collection.collect(stop=stop)
        except WindlassError as error:
            log.warning("facts.failed", error=error.message, hint=error.hint)
        else:
            log.info("facts.collected", nodes=result.nodes, sections=len(result.sections))
            for where, failure in sorted(result.failures.items()):
                log.warning("facts.read_failed", operation=where, error=failure)
        return max(0.0, interval_s - (time.monotonic() - started_s))

    leases.run_alone(LEASE, collect_once, stop=stop)
