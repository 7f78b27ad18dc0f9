"""The use case of pushes: check, redact, write."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from windlass.core import clock
from windlass.core.clock import format_time
from windlass.core.errors import UsageError
from windlass.inventory.pushes.item_check import refusal_of
from windlass.inventory.pushes.model import MAX_ITEMS, Push, PushedItem, PushResult, PushScope
from windlass.inventory.pushes.observations import observation_of
from windlass.inventory.pushes.push_writer import CheckedItem, write_push
from windlass.inventory.redaction import redact
from windlass.inventory.store_meta import salt_of
from windlass.store.engine import Store

__all__ = ["Pushes"]

MAX_CLOCK_SKEW = timedelta(minutes=5)  # AWS accepts requests within the same span


class Pushes:
    """Writes what other collectors send. `collected` returns the names of the types that only collections may write."""

    def __init__(
        self,
        store: Store,
        *,
        collected: Callable[[], Collection[str]],
        redact_paths: tuple[str, ...] = (),
        written: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store, self._collected, self._redact_paths = store, collected, redact_paths
        self._written, self._now = written, now

    def record(self, push: Push) -> PushResult:
        """Write a push and return the outcome of each resource.

        UsageError, before anything is written, for a type that is collected, an ID that occurs twice, too many resources,
        and a time in the future.
        """
        self._check(push)
        salt = salt_of(self._store)
        result = write_push(self._store, push, [self._checked(push.scope, item, salt) for item in push.items])
        self._written()
        return result

    def _check(self, push: Push) -> None:
        kind = push.scope.type
        if kind in self._collected():
            raise UsageError(
                f"Windlass collects the type {kind} itself",
                hint=f"Choose a type of your own, such as custom.{kind.rpartition('.')[2]}.",
                code="CollectedType",
            )
        if len(push.items) > MAX_ITEMS:
            raise UsageError(
                f"a push has at most {MAX_ITEMS:,} resources, this one has {len(push.items):,}",
                hint="Send several pushes with the same observed_at, the last one with complete.",
            )
        ids: set[str] = set()
        for item in push.items:
            if item.id in ids:
                raise UsageError(f"the ID {item.id!r} occurs twice in this push", hint="Send each resource once.")
            ids.add(item.id)
        if push.observed_at > self._now() + MAX_CLOCK_SKEW:
            raise UsageError(
                f"observed_at is in the future: {format_time(push.observed_at)}",
                hint="Send the time at which the run began to read, and set the collector's clock.",
            )

    def _checked(self, scope: PushScope, item: PushedItem, salt: bytes) -> CheckedItem:
        refusal = refusal_of(item)
        if refusal:
            return CheckedItem(item.id, redact({"Id": item.id}, (), salt=salt)["Id"], refusal=refusal)
        observation = observation_of(scope, item, salt=salt, redact_paths=self._redact_paths)
        return CheckedItem(item.id, observation.resource_id, observation)
