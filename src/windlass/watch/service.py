"""The use cases of alerts, for the command line, the API, the console and the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from windlass.aggregation.actions.base import AwsCall
from windlass.checks.service import Checks, FindingQuery
from windlass.core import clock
from windlass.core.errors import NotFound
from windlass.core.suggest import nearest
from windlass.inventory.change_feed import Observer
from windlass.inventory.model import Query
from windlass.inventory.service import Inventory
from windlass.jobs.model import JobStatus
from windlass.jobs.service import Jobs
from windlass.store.engine import Store
from windlass.watch import outbox
from windlass.watch.change_observer import change_observer
from windlass.watch.changes import Change, ChangeRule, occurrence_of
from windlass.watch.config import WatchConfig
from windlass.watch.delivery import Deliverer
from windlass.watch.keys import key_of
from windlass.watch.model import Alert, Delivery, DeliveryStatus, Occurrence
from windlass.watch.revision_reader import read_changes
from windlass.watch.state_recorder import record_states
from windlass.watch.states import States, failed_jobs, failing, unread

__all__ = ["Preview", "Sources", "Watch"]

_JOBS = 500
_CHANGES_PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class Sources:
    """What rules watch."""

    inventory: Callable[[], Inventory]
    checks: Callable[[], Checks]
    jobs: Callable[[], Jobs]


@dataclass(frozen=True, slots=True)
class Preview:
    """An alert that a rule would have recorded, and its key."""

    key: str
    occurrence: Occurrence


class Watch:
    """Rules over one store. `call(account, region)` returns the AWS calls of actions; it is used by deliveries alone."""

    def __init__(
        self,
        store: Store,
        rules: Sequence[WatchConfig],
        sources: Sources,
        *,
        locate: Callable[[WatchConfig], tuple[str, str]],
        call: Callable[[str, str], AwsCall],
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store, self.rules, self._sources, self._now = store, tuple(rules), sources, now
        self._deliverer = Deliverer(store, rules, locate=locate, call=call, now=now)

    def rule(self, name: str) -> WatchConfig:
        """Return a rule. NotFound with the nearest name."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        close = nearest(name, [rule.name for rule in self.rules])
        hint = f"Did you mean {close!r}?" if close else "[[watch]] in windlass.toml declares rules."
        raise NotFound(f"there is no rule {name!r}", hint=hint)

    def observers(self) -> tuple[Observer, ...]:
        """Return the observer of the inventory's change feed."""
        rules = [ChangeRule(rule, now=self._now()) for rule in self.rules if rule.on == "change"]
        return (change_observer(rules, self._now),)

    def evaluate(self) -> int:
        """Record alerts for what changed and for states that began. Return how many states began."""
        self._sources.inventory().owners.refresh()  # takes the new revisions off the feed, and records their alerts
        begun = 0
        for rule in self.rules:
            if rule.on != "change":
                states = self._states(rule)
                begun += self._store.transact(
                    lambda connection, rule=rule, states=states: record_states(  # type: ignore[misc]
                        connection, rule, states, now=self._now()
                    )
                )
        return begun

    def deliver(self) -> int:
        """Deliver the batches that are due. Return the number of deliveries that succeeded."""
        return self._deliverer.deliver_due()

    def preview(self, name: str, since: datetime) -> tuple[Preview, ...]:
        """Return what the rule would have alerted on since a time, oldest first; nothing is recorded or sent.

        Changes are those of the history. Findings, scopes and jobs are those that began since and still last.
        """
        rule = self.rule(name)
        if rule.on == "change":
            occurrences = [occurrence_of(change) for change in self._past_changes(rule, since)]
        else:
            occurrences = [each for each in self._states(rule).values() if each.occurred_at >= since]
        ordered = sorted(occurrences, key=lambda each: each.occurred_at)
        return tuple(Preview(key_of(rule, each), each) for each in ordered)

    def deliveries(
        self, *, rule: str = "", status: DeliveryStatus | None = None, limit: int = 100
    ) -> tuple[Delivery, ...]:
        """Return deliveries, the newest first. NotFound for an unknown rule."""
        if rule:
            self.rule(rule)
        return tuple(
            self._store.fetch(
                lambda connection: outbox.recent_deliveries(connection, rule=rule, status=status, limit=limit)
            )
        )

    def alerts(self, *, rule: str = "", limit: int = 100) -> tuple[Alert, ...]:
        """Return recorded alerts, the newest first. NotFound for an unknown rule."""
        if rule:
            self.rule(rule)
        return tuple(self._store.fetch(lambda connection: outbox.recent_alerts(connection, rule=rule, limit=limit)))

    def retry(self, name: str) -> int:
        """Make the rule's deliveries that were given up pending again. Return their number."""
        self.rule(name)
        return self._store.transact(lambda connection: outbox.retry_failed(connection, rule=name, now=self._now()))

    def _states(self, rule: WatchConfig) -> States:
        if rule.on == "finding":
            return failing(rule, self._sources.checks().findings(FindingQuery()))
        if rule.on == "unread":
            return unread(rule, self._sources.inventory().scopes(), self._now())
        return failed_jobs(rule, self._sources.jobs().list(status=JobStatus.FAILED, limit=_JOBS))

    def _past_changes(self, rule: WatchConfig, since: datetime) -> list[Change]:
        inventory, compiled, cursor = self._sources.inventory(), ChangeRule(rule, now=self._now()), ""
        changes: list[Change] = []
        while True:
            revisions, cursor = inventory.changes(
                since=since, query=Query(), kinds=rule.kinds, limit=_CHANGES_PER_PAGE, cursor=cursor
            )
            entries = self._store.fetch(
                lambda connection, revisions=revisions: list(  # type: ignore[misc]
                    read_changes(connection, [each.revision_id for each in revisions]).values()
                )
            )
            changes += [change for change in entries if compiled.watches(change)]
            if not cursor:
                return changes
