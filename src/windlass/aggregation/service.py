"""The service of aggregation: the state of rules and keys, the operations on them, and the workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import CountEvents
from windlass.aggregation.model import KeyState, Summary
from windlass.aggregation.runtime import dynamo_table, location_of, make_rule_runtime, timer_sender
from windlass.aggregation.tables.base import KeyTable
from windlass.aggregation.tables.sql import SqlTable, SqlTimers
from windlass.aggregation.timeline import Window
from windlass.aggregation.window_engine import RuleRuntime, WindowEngine
from windlass.aggregation.windows import forget_windows, list_windows, put_window
from windlass.aggregation.worker import AggregationWorker
from windlass.core import clock
from windlass.core.errors import ConfigError, NotFound, UsageError, WindlassError
from windlass.core.ids import new_id
from windlass.estate.service import Estate
from windlass.observe.log import logger
from windlass.queues.service import Queues
from windlass.store.engine import Store

__all__ = ["Aggregation"]

_SCHEMA = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
_CLEANUP_INTERVAL_S = 3600.0


class Aggregation:
    """Rules of windlass.toml over the estate. A method connects to AWS and the store only when it needs them."""

    def __init__(
        self,
        configs: Sequence[AggregateConfig],
        *,
        estate: Callable[[], Estate],
        queues: Callable[[], Queues],
        store: Callable[[], Store],
    ) -> None:
        names = [config.name for config in configs]
        duplicate = next((name for name in names if names.count(name) > 1), "")
        if duplicate:
            raise ConfigError(f"two [[aggregate]] entries are named {duplicate}", hint="Give each entry a unique name.")
        self.configs = tuple(configs)
        self._estate, self._queues, self._store = estate, queues, store
        self._memory: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._cleaned_at = 0.0

    # Reads

    def config(self, name: str) -> AggregateConfig:
        """Return a rule's configuration; NotFound lists the existing rules."""
        config = next((entry for entry in self.configs if entry.name == name), None)
        if config is None:
            names = ", ".join(config.name for config in self.configs) or "none"
            raise NotFound(f"windlass.toml has no [[aggregate]] entry {name!r}", hint=f"Existing entries: {names}.")
        return config

    def items(self, name: str = "", key: str = "") -> tuple[KeyState, ...]:
        """Return the items of one rule or of all; keys with uncovered events come first."""
        items: list[KeyState] = []
        for config in [self.config(name)] if name else self.configs:
            table = self._table(config)
            item = table.read(config.name, key) if key else None
            items += ([item] if item else []) if key else list(table.items(config.name))
        return tuple(sorted(items, key=lambda item: (-item.uncovered, item.rule, item.key)))

    def paused(self, name: str) -> bool:
        """Return whether the rule is paused."""
        return self._table(self.config(name)).paused(name)

    def windows(
        self, name: str = "", key: str = "", *, within_s: float = 86_400.0, limit: int = 200
    ) -> tuple[Window, ...]:
        """Return the latest windows and their outcomes, newest first; only of workers that use the store."""
        since: datetime = clock.now() - timedelta(seconds=within_s)
        with self._store().read() as connection:
            return tuple(list_windows(connection, rule=name, key=key, since=since, limit=limit))

    # Writes

    def trigger(self, name: str, key: str) -> None:
        """Run the action for a key as soon as its pace allows, also without uncovered events."""
        config = self.config(name)
        bucket = key.partition("/")[0] if config.key == "prefix" else key
        token, now = new_id("trigger"), time.time()
        engine = self.engine([config])
        table = engine.runtimes[name].table
        summary = (
            Summary(bucket=bucket, folders_cut=True)
            if config.key in ("bucket", "prefix")
            else Summary(folders_cut=True)
        )
        table.perform(CountEvents(name, key, token, 1, now - config.window_s, now, summary))
        engine.wake(name, key)

    def pause(self, name: str, key: str = "") -> None:
        """Stop the actions of the rule or of one of its keys; events are still counted."""
        self._set_paused(name, key, paused=True)

    def resume(self, name: str, key: str = "") -> int:
        """Resume the actions; return how many keys have uncovered events."""
        self._set_paused(name, key, paused=False)
        engine = self.engine([self.config(name)])
        waiting = [item.key for item in self.items(name, key) if item.uncovered > 0]
        return sum(engine.wake(name, item_key) for item_key in waiting)

    def repair_timers(self, name: str = "") -> int:
        """Search for lost timers now; return how many were replaced."""
        return self.engine([self.config(name)] if name else self.configs).repair_timers(name)

    def missing(self, name: str) -> tuple[str, ...]:
        """List the AWS resources that the rule needs and that do not exist (`table NAME`, `queue NAME`); empty with the store."""
        config = self.config(name)
        if not config.table:
            return ()
        account, region = self._location(config)
        absent: list[str] = []
        try:
            self._estate().call(account, region, "dynamodb", "DescribeTable", TableName=config.table)
        except NotFound:
            absent.append(f"table {config.table}")
        try:
            self._queues().open(config.timers, account_id=account, region=region)
        except NotFound:
            absent.append(f"queue {config.timers}")
        return tuple(absent)

    def init(self, name: str) -> tuple[str, ...]:
        """Create the rule's DynamoDB table and timer queue where they are missing; return what was created."""
        config = self.config(name)
        account, region = self._location(config)
        absent = self.missing(name)
        if f"table {config.table}" in absent:
            self._estate().call(account, region, "dynamodb", "CreateTable", TableName=config.table, **_SCHEMA)
        if f"queue {config.timers}" in absent:
            attributes = {"MessageRetentionPeriod": "1209600", "VisibilityTimeout": "60"}
            self._estate().call(account, region, "sqs", "CreateQueue", QueueName=config.timers, Attributes=attributes)
        return absent

    # Workers

    def engine(self, configs: Sequence[AggregateConfig]) -> WindowEngine:
        """Return the engine of these rules."""
        return WindowEngine([self._rule_runtime(config) for config in configs])

    def workers(
        self,
        names: Sequence[str] = (),
        *,
        registry: CollectorRegistry | None = None,
        health: tuple[str, int] | None = None,
        settings: dict[str, object] | None = None,
    ) -> tuple[AggregationWorker, ...]:
        """Return one worker per source queue of these rules (of all rules when no name is given)."""
        chosen = [self.config(name) for name in names] or list(self.configs)
        if not chosen:
            raise ConfigError("windlass.toml has no [[aggregate]] entry", hint="docs/guide/aggregation.md shows one.")
        if health is not None and len({self._source(config) for config in chosen}) > 1:
            raise UsageError(
                "these rules have several source queues, but a health port serves one",
                hint="Name the rules of one queue.",
            )
        by_queue: dict[tuple[str, str, str], list[AggregateConfig]] = {}
        for config in chosen:
            by_queue.setdefault(self._source(config), []).append(config)
        return tuple(
            AggregationWorker(
                self.engine(rules),
                rules,
                queues=self._queues(),
                store=self._store,
                timers=self._timers() if any(not config.table for config in rules) else None,
                registry=registry,
                health=health,
                settings=settings,
            )
            for rules in by_queue.values()
        )

    def _source(self, config: AggregateConfig) -> tuple[str, str, str]:
        return config.queue, *self._location(config)

    def _location(self, config: AggregateConfig) -> tuple[str, str]:
        return location_of(config, self._estate())

    def _rule_runtime(self, config: AggregateConfig) -> RuleRuntime:
        estate = self._estate()
        send = timer_sender(config, estate) if config.table else self._timers().send
        return make_rule_runtime(
            config, estate, table=self._table(config), send=send, memory=self._memory, record=self._record_window
        )

    def _table(self, config: AggregateConfig) -> KeyTable:
        return dynamo_table(config, self._estate()) if config.table else SqlTable(self._store().patient())

    def _timers(self) -> SqlTimers:
        return SqlTimers(self._store().patient(), now=time.time)

    def _set_paused(self, name: str, key: str, *, paused: bool) -> None:
        if not self._table(self.config(name)).set_paused(name, key, paused=paused):
            raise NotFound(
                f"rule {name} has no key {key!r}", hint=f"`windlass aggregate status {name}` lists its keys."
            )

    def _record_window(self, window: Window) -> None:
        """Write the window to the timeline. The timeline is for display only: the action goes on when the store fails."""
        try:
            store = self._store()
            with store.write() as connection:
                put_window(connection, store, window)
                if time.monotonic() - self._cleaned_at > _CLEANUP_INTERVAL_S:
                    self._cleaned_at = time.monotonic()
                    forget_windows(connection, clock.now())
        except WindlassError as error:
            logger("aggregation").warning("window.not_kept", error=error.message)
