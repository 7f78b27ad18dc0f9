"""The worker of alerts: it evaluates the rules and delivers, in one process of a store at a time."""

from __future__ import annotations

import threading

from windlass.core.errors import WindlassError
from windlass.observe.log import logger
from windlass.store.leases import Lease, Leases
from windlass.watch.service import Watch

__all__ = ["LEASE", "run_once", "watch_forever"]

LEASE = "watch"
INTERVAL_S = 2.0


def run_once(watch: Watch) -> int:
    """Evaluate the rules, then deliver what is due. Return the number of deliveries that succeeded."""
    watch.evaluate()
    return watch.deliver()


def watch_forever(watch: Watch, leases: Leases, *, stop: threading.Event) -> None:
    """Evaluate and deliver every two seconds until `stop`. An error is logged, and the next turn begins as usual."""
    log = logger("watch")

    def turn(_: Lease) -> float:
        try:
            run_once(watch)
        except WindlassError as error:
            log.warning("watch.failed", error=error.message, hint=error.hint)
        return INTERVAL_S

    leases.run_alone(LEASE, turn, stop=stop)
