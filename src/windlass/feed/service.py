"""The feed's use case: a worker of the configured queue."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from windlass.core.errors import ConfigError
from windlass.facts.sync_import import SyncImport
from windlass.feed.config import FeedConfig
from windlass.feed.metrics import FeedMetrics
from windlass.feed.worker import FeedWorker
from windlass.inventory.events.refresh import open_refresh
from windlass.inventory.imports.service import HistoryImport
from windlass.inventory.service import Inventory
from windlass.observe.metrics import Metrics
from windlass.queues.service import Queues
from windlass.store.engine import Store

__all__ = ["Feed"]


class Feed:
    """Keeps an inventory current from a queue of events."""

    def __init__(
        self,
        config: FeedConfig,
        inventory: Inventory,
        imports: Callable[[], HistoryImport],
        sync: Callable[[], SyncImport],
        *,
        queues: Queues,
        store: Callable[[], Store],
        metrics: Metrics,
    ) -> None:
        self._config, self._inventory, self._imports, self._sync = config, inventory, imports, sync
        self._queues, self._store, self._metrics = queues, store, metrics

    @property
    def is_configured(self) -> bool:
        """True when the configuration names a queue."""
        return bool(self._config.queue)

    def worker(
        self,
        *,
        queue: str = "",
        account: str = "",
        region: str = "",
        health: tuple[str, int] | None = None,
        registry: CollectorRegistry | None = None,
    ) -> FeedWorker:
        """Return a worker of the configured queue, or of another one. ConfigError when there is none."""
        overrides = {"queue": queue, "account": account, "region": region}
        config = self._config.model_copy(update={name: value for name, value in overrides.items() if value})
        if not config.queue:
            raise ConfigError("no queue of events is configured", hint="Set feed.queue in windlass.toml, or --queue.")
        return FeedWorker(
            config,
            open_refresh(self._inventory.collection(), concurrency=config.concurrency),
            self._imports(),
            self._sync(),
            queues=self._queues,
            store=self._store,
            metrics=FeedMetrics(self._metrics, registry or self._metrics.of_feed()),
            health=health,
        )
