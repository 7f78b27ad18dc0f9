"""Pipelines at work: which take an event, each taken to its end, counted, and refused objects kept. Safe on many threads."""

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
from windlass.pipelines.build import Pipeline
from windlass.pipelines.counted import Count, Failure
from windlass.pipelines.executor import Clients, Handled, process
from windlass.pipelines.measure import Tally
from windlass.pipelines.model import Reason, Rejected
from windlass.pipelines.reading import SourceMoved
from windlass.pipelines.refusing import keep_refused
from windlass.pipelines.settle import Outcome

if TYPE_CHECKING:  # a function in Lambda has no store, and carries no SQLAlchemy
    from windlass.store.engine import Store

__all__ = ["Contended", "Engine", "Refused"]

_FLUSH_S = 2.0
_TIDY_S = 3600.0
_MOVES = 5


class Contended(Exception):
    """Others kept changing source or target: later."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An object was refused: why, and where it is kept."""

    error: Rejected
    kept_at: str


class Engine:
    """Pipelines with their clients. `store` is None where nothing is counted (Lambda)."""

    def __init__(self, pipelines: Sequence[tuple[Pipeline, Clients]], store: Callable[[], Store] | None = None) -> None:
        self.pipelines: Mapping[str, tuple[Pipeline, Clients]] = {
            one.name: (one, clients) for one, clients in pipelines
        }
        self._store = store
        self._counts: dict[tuple[str, datetime, str], list[int]] = {}
        self._lock = threading.Lock()
        self._tidied_at = clock.now()
        self._log = logger("pipelines")
        self.tally = Tally()

    def handle(self, events: Sequence[ObjectEvent]) -> int:
        """Take each event through every pipeline that is for it; how many were. Raises what should be tried again:
        the first such fault, after all the others had their turn.
        """
        taken = 0
        fault: BaseException | None = None
        for event in events:
            if not _says_that_content_changed(event):
                continue
            for pipeline, _ in self.pipelines.values():
                if pipeline.selection.takes(event.bucket, event.key):
                    try:
                        self.take(pipeline.name, event.bucket, event.key, event)
                    except BaseException as error:  # noqa: BLE001  # whatever it is, it is raised below
                        fault = fault or error
                    taken += 1
        if fault is not None:
            raise fault
        return taken

    def take(self, name: str, bucket: str, key: str, event: ObjectEvent | None = None) -> Handled | Refused:
        """One object through one pipeline. Raises Contended and our errors: then it must come again."""
        pipeline, clients = self.pipelines[name]
        try:
            handled = self._process(pipeline, clients, bucket, key, event)
        except Rejected as error:
            return self._refuse(pipeline, clients, bucket, key, error, event)
        if handled.outcome is Outcome.COLLISION:
            hint = "Let the target's template tell sources apart, or move what is there."
            said = "a target of it belongs to another source, or to nobody known"
            return self._refuse(pipeline, clients, bucket, key, Rejected(Reason.COLLISION, said, hint=hint), event)
        self._count(name, handled.outcome.name.lower(), handled.read_bytes, handled.written_bytes)
        if handled.outcome is Outcome.CONTENDED:
            raise Contended(f"{key}: source or target kept changing")
        return handled

    def _process(
        self, pipeline: Pipeline, clients: Clients, bucket: str, key: str, event: ObjectEvent | None
    ) -> Handled:
        for _ in range(_MOVES):
            try:
                return process(pipeline, clients, bucket, key, event, look_first=event is None)
            except SourceMoved:
                continue
        raise Contended(f"{key}: the source kept changing while it was read")

    def _refuse(
        self, pipeline: Pipeline, clients: Clients, bucket: str, key: str, error: Rejected, event: ObjectEvent | None
    ) -> Refused:
        now = clock.now()
        kept_at = keep_refused(pipeline, clients, bucket, key, error, event, now=now)
        self._log.warning(
            "object.refused",
            pipeline=pipeline.name,
            bucket=bucket,
            key=key,
            reason=error.reason.value,
            error=error.message,
            kept_at=kept_at,
        )
        self.tally.refused(pipeline.name, error.reason.value)
        self._count(pipeline.name, "refused", 0, 0)
        version = event.version_id if event is not None else ""
        one = Failure(pipeline.name, bucket, key, now, version, error.reason.value, error.message, kept_at)
        self._write(lambda store: _put(store, one))
        return Refused(error, kept_at)

    def retry(self, one: Failure) -> Handled | Refused:
        """Take a refused object through once more; it is marked when that ended well."""
        pipeline, _ = self.pipelines[one.pipeline]
        event = None
        if pipeline.target.per_version and one.version_id:  # that version, not what has come after it
            event = ObjectEvent(
                kind=Kind.CREATED, name="retry", bucket=one.bucket, key=one.key, version_id=one.version_id
            )
        outcome = self.take(one.pipeline, one.bucket, one.key, event)
        if isinstance(outcome, Handled):
            self._write(lambda store: _retried(store, one))
        return outcome

    # Counting

    def _count(self, name: str, outcome: str, read_bytes: int, written_bytes: int) -> None:
        self.tally.ended(name, outcome, read_bytes, written_bytes)
        now = clock.now()
        with self._lock:
            row = self._counts.setdefault((name, now.replace(second=0, microsecond=0), outcome), [0, 0, 0])
            for at, more in enumerate((1, read_bytes, written_bytes)):
                row[at] += more

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Write counts every two seconds in the block, also when no further object comes, and at its end."""
        over = threading.Event()

        def flush_again_and_again() -> None:
            while not over.wait(_FLUSH_S):
                self.flush()

        thread = threading.Thread(target=flush_again_and_again, name="pipeline-counts", daemon=True)
        if self._store is not None:
            thread.start()
        try:
            yield
        finally:
            over.set()
            if thread.is_alive():
                thread.join()
            self.flush()

    def flush(self) -> None:
        """Write what was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if counts:
            rows = [Count(name, minute, outcome, *numbers) for (name, minute, outcome), numbers in counts.items()]
            self._write(lambda store: _add(store, rows))

    def _write(self, work: Callable[[Store], None]) -> None:
        """Counts and failures are a picture: when the store can't take them, the objects go on."""
        if self._store is None:
            return
        try:
            store = self._store()
            work(store)
            now = clock.now()
            if (now - self._tidied_at).total_seconds() > _TIDY_S:
                self._tidied_at = now
                _forget(store, now)
        except WindlassError as error:
            self._log.warning("counts.not_kept", error=error.message)


def _says_that_content_changed(event: ObjectEvent) -> bool:
    if event.kind is Kind.RESTORED:
        return "Completed" in event.name  # not that it was asked for, or that the restored copy is over
    return event.kind is Kind.CREATED or event.removes


def _put(store: Store, one: Failure) -> None:
    from windlass.pipelines.store import put_failure

    with store.write() as connection:
        put_failure(connection, store, one)


def _retried(store: Store, one: Failure) -> None:
    from windlass.pipelines.store import mark_retried

    with store.write() as connection:
        mark_retried(connection, one, clock.now())


def _add(store: Store, rows: Sequence[Count]) -> None:
    from windlass.pipelines.store import add_counts

    with store.write() as connection:
        add_counts(connection, store, rows)


def _forget(store: Store, now: datetime) -> None:
    from windlass.pipelines.store import forget_old

    with store.write() as connection:
        forget_old(connection, now)
