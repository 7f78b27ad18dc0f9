"""The aggregation's one door: rules, how their keys stand, and what a person may do with them; and what runs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.effects import CountEvents
from windlass.aggregation.model import Item, Summary
from windlass.aggregation.runtime import dynamo_table, make_part, place_of, timer_sender
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
_TIDY_S = 3600.0


class Aggregation:
    """Rules of windlass.toml over the estate; AWS and the store are reached when a method needs them."""

    def __init__(
        self,
        configs: Sequence[AggregateConfig],
        *,
        estate: Callable[[], Estate],
        queues: Callable[[], Queues],
        store: Callable[[], Store],
    ) -> None:
        names = [one.name for one in configs]
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            raise ConfigError(f"two [[aggregate]] entries are named {twice}", hint="Give each a name of its own.")
        self.configs = tuple(configs)
        self._estate, self._queues, self._store = estate, queues, store
        self._memory: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._tidied_at = 0.0

    # Looking

    def config(self, name: str) -> AggregateConfig:
        """A rule's configuration; NotFound names those there are."""
        found = next((one for one in self.configs if one.name == name), None)
        if found is None:
            known = ", ".join(one.name for one in self.configs) or "none"
            raise NotFound(f"windlass.toml has no [[aggregate]] entry {name!r}", hint=f"There are: {known}.")
        return found

    def items(self, name: str = "", key: str = "") -> tuple[Item, ...]:
        """How keys stand: of one rule or of all, those with something uncovered first."""
        found: list[Item] = []
        for config in [self.config(name)] if name else self.configs:
            table = self._table(config)
            one = table.read(config.name, key) if key else None
            found += ([one] if one else []) if key else list(table.items(config.name))
        return tuple(sorted(found, key=lambda one: (-one.uncovered, one.rule, one.key)))

    def paused(self, name: str) -> bool:
        """Whether the rule is paused."""
        return self._table(self.config(name)).paused(name)

    def windows(
        self, name: str = "", key: str = "", *, within_s: float = 86_400.0, limit: int = 200
    ) -> tuple[Window, ...]:
        """What windows came to lately, the latest first; of workers that keep a store."""
        since: datetime = clock.now() - timedelta(seconds=within_s)
        with self._store().read() as connection:
            return tuple(list_windows(connection, rule=name, key=key, since=since, limit=limit))

    # Doing

    def trigger(self, name: str, key: str) -> None:
        """Run the action for a key as soon as its pace allows, whether it has uncovered events or not."""
        config = self.config(name)
        bucket = key.partition("/")[0] if config.key == "prefix" else key
        mine, now = new_id("trigger"), time.time()
        engine = self.engine([config])
        table = engine.parts[name].table
        summary = (
            Summary(bucket=bucket, folders_cut=True)
            if config.key in ("bucket", "prefix")
            else Summary(folders_cut=True)
        )
        table.perform(CountEvents(name, key, mine, 1, now - config.window_s, now, summary))
        engine.wake(name, key)

    def pause(self, name: str, key: str = "") -> None:
        """No more actions, of the rule or of one of its keys; events are counted all the same."""
        self._set_paused(name, key, paused=True)

    def resume(self, name: str, key: str = "") -> int:
        """Actions again; how many keys had something waiting."""
        self._set_paused(name, key, paused=False)
        engine = self.engine([self.config(name)])
        waiting = [one.key for one in self.items(name, key) if one.uncovered > 0]
        return sum(engine.wake(name, one) for one in waiting)

    def repair_timers(self, name: str = "") -> int:
        """Look for timers that were lost, now; how many were sent anew."""
        return self.engine([self.config(name)] if name else self.configs).repair_timers(name)

    def missing(self, name: str) -> tuple[str, ...]:
        """List what the rule needs and AWS does not have: `table NAME`, `queue NAME`; empty for a rule kept in the store."""
        config = self.config(name)
        if not config.table:
            return ()
        account, region = self._place(config)
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
        account, region = self._place(config)
        absent = self.missing(name)
        if f"table {config.table}" in absent:
            self._estate().call(account, region, "dynamodb", "CreateTable", TableName=config.table, **_SCHEMA)
        if f"queue {config.timers}" in absent:
            attributes = {"MessageRetentionPeriod": "1209600", "VisibilityTimeout": "60"}
            self._estate().call(account, region, "sqs", "CreateQueue", QueueName=config.timers, Attributes=attributes)
        return absent

    # Running

    def engine(self, configs: Sequence[AggregateConfig]) -> WindowEngine:
        """The rules, ready to run."""
        return WindowEngine([self._part(config) for config in configs])

    def workers(
        self,
        names: Sequence[str] = (),
        *,
        registry: CollectorRegistry | None = None,
        health: tuple[str, int] | None = None,
        settings: dict[str, object] | None = None,
    ) -> tuple[AggregationWorker, ...]:
        """A worker per source queue of these rules (of all, when none is named)."""
        chosen = [self.config(name) for name in names] or list(self.configs)
        if not chosen:
            raise ConfigError("windlass.toml has no [[aggregate]] entry", hint="docs/guide/aggregation.md shows one.")
        if health is not None and len({self._source(one) for one in chosen}) > 1:
            raise UsageError(
                "these rules are of several queues, and one health port serves one", hint="Name the rules of one."
            )
        by_queue: dict[tuple[str, str, str], list[AggregateConfig]] = {}
        for config in chosen:
            by_queue.setdefault(self._source(config), []).append(config)
        return tuple(
            AggregationWorker(
                self.engine(mine),
                mine,
                queues=self._queues(),
                store=self._store,
                timers=self._timers() if any(not one.table for one in mine) else None,
                registry=registry,
                health=health,
                settings=settings,
            )
            for mine in by_queue.values()
        )

    def _source(self, config: AggregateConfig) -> tuple[str, str, str]:
        return config.queue, *self._place(config)

    def _place(self, config: AggregateConfig) -> tuple[str, str]:
        return place_of(config, self._estate())

    def _part(self, config: AggregateConfig) -> RuleRuntime:
        estate = self._estate()
        send = timer_sender(config, estate) if config.table else self._timers().send
        return make_part(
            config, estate, table=self._table(config), send=send, memory=self._memory, record=self._write_down
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

    def _write_down(self, window: Window) -> None:
        """A timeline is a picture: when the store can't take it, the action goes on."""
        try:
            store = self._store()
            with store.write() as connection:
                put_window(connection, store, window)
                if time.monotonic() - self._tidied_at > _TIDY_S:
                    self._tidied_at = time.monotonic()
                    forget_windows(connection, clock.now())
        except WindlassError as error:
            logger("aggregation").warning("window.not_kept", error=error.message)
