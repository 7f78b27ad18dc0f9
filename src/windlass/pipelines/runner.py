"""The runner of pipelines: it runs each event through the matching pipelines, counts, and keeps refused objects. Thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from windlass.core import clock
from windlass.core.errors import WindlassError
from windlass.events import Kind, ObjectEvent
from windlass.observe.log import logger
from windlass.pipelines.counters import Count, RefusedObject
from windlass.pipelines.delivery import DeliveryOutcome
from windlass.pipelines.executor import DeliveryResult, PipelineClients, process
from windlass.pipelines.metrics import PipelineMetrics
from windlass.pipelines.model import Reason, Rejected
from windlass.pipelines.pipeline import Pipeline
from windlass.pipelines.quarantine import quarantine
from windlass.pipelines.source_reader import SourceChanged

if TYPE_CHECKING:  # a function in Lambda has no store, and carries no SQLAlchemy
    from windlass.store.engine import Store

__all__ = ["Contended", "PipelineRunner", "Quarantined"]

_FLUSH_S = 2.0
_CLEANUP_INTERVAL_S = 3600.0
_MAX_SOURCE_CHANGES = 5


class Contended(Exception):
    """The source or target kept changing: the event must be delivered again later."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A refused object: the reason, and the URL of its copy under `on_error` (empty without one)."""

    error: Rejected
    kept_at: str


class PipelineRunner:
    """Runs pipelines. `store` is None in Lambda, where no counts are kept."""

    def __init__(
        self, pipelines: Sequence[tuple[Pipeline, PipelineClients]], store: Callable[[], Store] | None = None
    ) -> None:
        self.pipelines: Mapping[str, tuple[Pipeline, PipelineClients]] = {
            pipeline.name: (pipeline, clients) for pipeline, clients in pipelines
        }
        self._store = store
        self._counts: dict[tuple[str, datetime, str], list[int]] = {}
        self._lock = threading.Lock()
        self._cleaned_at = clock.now()
        self._log = logger("pipelines")
        self.metrics = PipelineMetrics()

    def handle(self, events: Sequence[ObjectEvent]) -> int:
        """Run each event through every pipeline that selects its object, and return the number of runs.

        A fault does not stop the other runs; the first one is raised at the end, so that the message comes again.
        """
        runs = 0
        fault: BaseException | None = None
        for event in events:
            if not _is_content_change(event):
                continue
            for pipeline, _ in self.pipelines.values():
                if pipeline.selection.selects(event.bucket, event.key):
                    try:
                        self.run(pipeline.name, event.bucket, event.key, event)
                    except BaseException as error:  # noqa: BLE001  # raised below, after the other runs
                        fault = fault or error
                    runs += 1
        if fault is not None:
            raise fault
        return runs

    def run(self, name: str, bucket: str, key: str, event: ObjectEvent | None = None) -> DeliveryResult | Quarantined:
        """Run one object through one pipeline. Contended and WindlassError mean that it must be run again."""
        pipeline, clients = self.pipelines[name]
        try:
            handled = self._process(pipeline, clients, bucket, key, event)
        except Rejected as error:
            return self._refuse(pipeline, clients, bucket, key, error, event)
        if handled.outcome is DeliveryOutcome.COLLISION:
            hint = "Make the target template distinguish the sources, or move the existing object."
            message = "the target holds an object of another source, or one that no pipeline wrote"
            return self._refuse(pipeline, clients, bucket, key, Rejected(Reason.COLLISION, message, hint=hint), event)
        self._count(name, handled.outcome.name.lower(), handled.read_bytes, handled.written_bytes)
        if handled.outcome is DeliveryOutcome.CONTENDED:
            raise Contended(f"{key}: the source or target kept changing")
        return handled

    def _process(
        self, pipeline: Pipeline, clients: PipelineClients, bucket: str, key: str, event: ObjectEvent | None
    ) -> DeliveryResult:
        for _ in range(_MAX_SOURCE_CHANGES):
            try:
                return process(pipeline, clients, bucket, key, event, head_first=event is None)
            except SourceChanged:
                continue
        raise Contended(f"{key}: the source kept changing while it was read")

    def _refuse(
        self,
        pipeline: Pipeline,
        clients: PipelineClients,
        bucket: str,
        key: str,
        error: Rejected,
        event: ObjectEvent | None,
    ) -> Quarantined:
        now = clock.now()
        kept_at = quarantine(pipeline, clients, bucket, key, error, event, now=now)
        self._log.warning(
            "object.refused",
            pipeline=pipeline.name,
            bucket=bucket,
            key=key,
            reason=error.reason.value,
            error=error.message,
            kept_at=kept_at,
        )
        self.metrics.refused(pipeline.name, error.reason.value)
        self._count(pipeline.name, "refused", 0, 0)
        version = event.version_id if event is not None else ""
        refused = RefusedObject(pipeline.name, bucket, key, now, version, error.reason.value, error.message, kept_at)
        self._write(lambda store: _put(store, refused))
        return Quarantined(error, kept_at)

    def retry(self, refused: RefusedObject) -> DeliveryResult | Quarantined:
        """Run a refused object once more. It is marked as retried when it was delivered."""
        pipeline, _ = self.pipelines[refused.pipeline]
        event = None
        if pipeline.target.per_version and refused.version_id:  # the refused version, not a later one
            event = ObjectEvent(
                kind=Kind.CREATED, name="retry", bucket=refused.bucket, key=refused.key, version_id=refused.version_id
            )
        outcome = self.run(refused.pipeline, refused.bucket, refused.key, event)
        if isinstance(outcome, DeliveryResult):
            self._write(lambda store: _retried(store, refused))
        return outcome

    # Counting

    def _count(self, name: str, outcome: str, read_bytes: int, written_bytes: int) -> None:
        self.metrics.ended(name, outcome, read_bytes, written_bytes)
        now = clock.now()
        with self._lock:
            row = self._counts.setdefault((name, now.replace(second=0, microsecond=0), outcome), [0, 0, 0])
            for at, amount in enumerate((1, read_bytes, written_bytes)):
                row[at] += amount

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Write counts to the store every two seconds within the block, and at its end."""
        ended = threading.Event()

        def flush_periodically() -> None:
            while not ended.wait(_FLUSH_S):
                self.flush()

        thread = threading.Thread(target=flush_periodically, name="pipeline-counts", daemon=True)
        if self._store is not None:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if thread.is_alive():
                thread.join()
            self.flush()

    def flush(self) -> None:
        """Write the counts since the last flush."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if counts:
            rows = [Count(name, minute, outcome, *numbers) for (name, minute, outcome), numbers in counts.items()]
            self._write(lambda store: _add(store, rows))

    def _write(self, work: Callable[[Store], None]) -> None:
        """Write to the store. An error is logged only: counts are for people, and deliveries must go on."""
        if self._store is None:
            return
        try:
            store = self._store()
            work(store)
            now = clock.now()
            if (now - self._cleaned_at).total_seconds() > _CLEANUP_INTERVAL_S:
                self._cleaned_at = now
                _forget(store, now)
        except WindlassError as error:
            self._log.warning("counts.not_kept", error=error.message)


def _is_content_change(event: ObjectEvent) -> bool:
    if event.kind is Kind.RESTORED:
        return "Completed" in event.name  # not the request, nor the end of the restored copy
    return event.kind is Kind.CREATED or event.removes


def _put(store: Store, refused: RefusedObject) -> None:
    from windlass.pipelines.store import put_refused

    with store.write() as connection:
        put_refused(connection, store, refused)


def _retried(store: Store, refused: RefusedObject) -> None:
    from windlass.pipelines.store import mark_retried

    with store.write() as connection:
        mark_retried(connection, refused, clock.now())


def _add(store: Store, rows: Sequence[Count]) -> None:
    from windlass.pipelines.store import add_counts

    with store.write() as connection:
        add_counts(connection, store, rows)


def _forget(store: Store, now: datetime) -> None:
    from windlass.pipelines.store import forget_old

    with store.write() as connection:
        forget_old(connection, now)
