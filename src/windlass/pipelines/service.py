"""The pipelines' one door: what is configured, how it stands, and what runs it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry

from windlass.core import clock
from windlass.core.errors import ConfigError, NotFound
from windlass.estate.service import Estate
from windlass.pipelines import store as rows
from windlass.pipelines.build import Pipeline, build_all
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.engine import Engine
from windlass.pipelines.executor import Doors
from windlass.pipelines.store import Count, Failure
from windlass.pipelines.worker import Worker
from windlass.queues.service import Queues
from windlass.store.engine import Store
from windlass.wire.blocking import Blocking

__all__ = ["Pipelines"]


class Pipelines:
    """Pipelines of windlass.toml; AWS and the store are reached when a method needs them."""

    def __init__(
        self,
        configs: Sequence[PipelineConfig],
        *,
        estate: Callable[[], Estate],
        queues: Callable[[], Queues],
        store: Callable[[], Store] | None,
    ) -> None:
        self.configs = tuple(configs)
        self._estate, self._queues, self._store = estate, queues, store

    def built(self, names: Sequence[str] = ()) -> tuple[Pipeline, ...]:
        """The pipelines, checked together; NotFound for a name that is none."""
        made = build_all(self.configs)
        for name in names:
            if all(one.name != name for one in made):
                known = ", ".join(one.name for one in made) or "none"
                raise NotFound(f"windlass.toml has no [[pipeline]] entry {name!r}", hint=f"There are: {known}.")
        return tuple(one for one in made if not names or one.name in names)

    @contextlib.contextmanager
    def engine(self, names: Sequence[str] = ()) -> Iterator[Engine]:
        """The pipelines ready to run, for the block: their connections are closed at its end."""
        with contextlib.ExitStack() as stack:
            doors: dict[tuple[str, str, int], Blocking] = {}

            def door(account: str, region: str, connections: int) -> Blocking:
                key = (account, region, connections)
                if key not in doors:
                    access = self._estate().access(account, region, "s3")
                    doors[key] = stack.enter_context(Blocking(access, connections=connections))
                return doors[key]

            made = []
            for one in self.built(names):
                account, region = self.place(one.config)
                connections = one.config.concurrency * 2 + 8
                target = door(account, one.config.target_region or region, connections)
                large = threading.Semaphore(one.config.large_concurrency)
                source = door(account, region, connections)
                made.append((one, Doors(source, target, self._tags(account, region), large)))
            engine = Engine(made, self._store)
            with engine.flushing():
                yield engine

    def workers(
        self,
        names: Sequence[str] = (),
        *,
        registry: CollectorRegistry | None = None,
        health: tuple[str, int] | None = None,
        settings: dict[str, object] | None = None,
    ) -> tuple[Worker, ...]:
        """A worker per source queue of these pipelines (of all that have one, when none is named)."""
        chosen = [one for one in self.built(names) if one.config.queue or names]
        lacking = next((one.name for one in chosen if not one.config.queue), "")
        if lacking or not chosen:
            what = f"pipeline {lacking} has no queue" if lacking else "windlass.toml has no [[pipeline]] with a queue"
            raise ConfigError(what, hint="`queue` names the queue with the source's events; backfills need none.")
        by_queue: dict[tuple[str, str, str], list[PipelineConfig]] = {}
        for one in chosen:
            by_queue.setdefault((one.config.queue, *self.place(one.config)), []).append(one.config)
        if health is not None and len(by_queue) > 1:
            raise ConfigError(
                "these pipelines are of several queues, and one health port serves one", hint="Name those of one queue."
            )
        return tuple(
            Worker(
                self,
                mine,
                queues=self._queues(),
                store=self._store,
                registry=registry,
                health=health,
                settings=settings,
            )
            for mine in by_queue.values()
        )

    def place(self, config: PipelineConfig) -> tuple[str, str]:
        """Account and region of a pipeline's queue and source."""
        estate = self._estate()
        return config.account or estate.accounts()[0].id, config.region or estate.config.home_region

    def estate(self) -> Estate:
        """The estate."""
        return self._estate()

    # Looking

    def counts(self, name: str = "", *, within_s: float = 3600.0) -> tuple[Count, ...]:
        """Objects by minute and outcome."""
        with self._kept().read() as connection:
            since = clock.now() - timedelta(seconds=within_s)
            return tuple(rows.list_counts(connection, since=since, pipeline=name))

    def totals(self, *, within_s: float = 86_400.0) -> dict[str, dict[str, int]]:
        """Objects by pipeline and outcome."""
        with self._kept().read() as connection:
            return rows.totals(connection, since=clock.now() - timedelta(seconds=within_s))

    def failures(self, name: str = "", *, waiting: bool = False, limit: int = 100) -> tuple[Failure, ...]:
        """What was refused, the latest first."""
        with self._kept().read() as connection:
            return tuple(rows.list_failures(connection, pipeline=name, waiting=waiting, limit=limit))

    def _kept(self) -> Store:
        if self._store is None:
            raise ConfigError("there is no store here", hint="Set store.url.")
        return self._store()

    def _tags(self, account: str, region: str) -> Callable[[str, str, str], dict[str, str]]:
        def tags(bucket: str, key: str, version_id: str) -> dict[str, str]:
            more = {"VersionId": version_id} if version_id else {}
            found = self._estate().call(account, region, "s3", "GetObjectTagging", Bucket=bucket, Key=key, **more)
            return {one["Key"]: one["Value"] for one in found["TagSet"]}

        return tags
