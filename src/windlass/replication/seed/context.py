"""The context in which a seed's workflow and its method run: the service, the stop signal and the observer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windlass.core.errors import Interrupted
from windlass.replication.seed.task import SeedTask

if TYPE_CHECKING:  # the service imports the methods, which run in this context
    from windlass.estate.service import Estate
    from windlass.replication.config import ReplicationConfig
    from windlass.replication.service import Replication

__all__ = ["SeedContext"]


@dataclass(frozen=True, slots=True)
class SeedContext:
    """Work on seeds stops when `stop` is set; `on_change` receives every saved task."""

    replication: Replication
    stop: threading.Event
    on_change: Callable[[SeedTask], object] = lambda _: None

    @property
    def estate(self) -> Estate:
        """Accounts and calls."""
        return self.replication.estate

    @property
    def config(self) -> ReplicationConfig:
        """The `[replication]` section."""
        return self.replication.config

    def save(self, task: SeedTask, **changes: Any) -> SeedTask:
        """Store a task with changes, and return it."""
        saved = self.replication.save(task, **changes)
        self.on_change(saved)
        return saved

    def check(self, task: SeedTask) -> None:
        """Raise Interrupted when `stop` is set."""
        if self.stop.is_set():
            raise Interrupted(
                f"the seed of {task.pair.title} was stopped", hint="`windlass replicate resume` continues it."
            )

    def sleep(self, seconds: float) -> None:
        """Sleep. Interrupted when `stop` is set before the time is over."""
        if self.stop.wait(seconds):
            raise Interrupted(
                "the seed was stopped while it waited for AWS", hint="`windlass replicate resume` continues it."
            )
