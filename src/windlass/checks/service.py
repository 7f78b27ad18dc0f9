"""The use cases of checks, for the command line, the API, the console and the collector."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from windlass.checks.catalog_files import load_checks
from windlass.checks.config import ChecksConfig
from windlass.checks.model import Check, Finding, Mute, Severity, Status
from windlass.checks.mutes import add_mute, load_mutes, mute_of, mute_text
from windlass.checks.runner import RunSummary, run_checks
from windlass.checks.tables import check_finding, check_run
from windlass.core import clock
from windlass.core.clock import parse_time
from windlass.core.errors import NotFound, UsageError
from windlass.core.suggest import nearest, unknown_word
from windlass.inventory.catalog import BY_NAME
from windlass.inventory.owner_directory import OwnerDirectory
from windlass.inventory.tables import resource, resource_owner
from windlass.store.engine import Store

__all__ = ["CheckRun", "Checks", "FindingQuery"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingQuery:
    """Which findings to list; empty means all."""

    checks: tuple[str, ...] = ()
    severity: Severity = Severity.LOW
    """The lowest severity."""
    accounts: tuple[str, ...] = ()
    owner: str = ""
    """`-` for findings of resources without an owner."""
    statuses: tuple[Status, ...] = ()
    muted: bool = False
    """Include muted findings."""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A past run and its counts by `SEVERITY STATUS`."""

    ran_at: datetime
    duration_s: float
    resources: int
    judged: int
    counts: Mapping[str, int]


class Checks:
    """Checks over one store. Relative paths in the settings start at the folder `base`."""

    def __init__(
        self,
        store: Store,
        config: ChecksConfig,
        base: Path,
        *,
        owners: OwnerDirectory | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._store, self._config, self._base, self._now = store, config, base, now
        self._owners = owners or OwnerDirectory(store, now=now)

    def checks(self) -> tuple[Check, ...]:
        """Return the checks that run: shipped and own ones, without those that the settings exclude."""
        checks = load_checks(self._folder(), BY_NAME)
        known = {check.id for check in checks}
        for excluded in self._config.exclude:
            if excluded not in known:
                raise unknown_word("check", excluded, known)
        return tuple(check for check in checks if check.id not in self._config.exclude)

    def check(self, check_id: str) -> Check:
        """Return a check. NotFound with the nearest id."""
        checks = {check.id: check for check in self.checks()}
        if check_id not in checks:
            close = nearest(check_id, list(checks))
            hint = f"Did you mean {close!r}?" if close else "`windlass check list` shows all."
            raise NotFound(f"there is no check {check_id!r}", hint=hint)
        return checks[check_id]

    def run(self) -> RunSummary:
        """Judge what changed since the last run, and keep the findings."""
        checks = self.checks()
        return run_checks(self._store, checks, now=self._now())

    def findings(self, query: FindingQuery = FindingQuery()) -> tuple[Finding, ...]:
        """Return the findings of the last run, the worst first, then the oldest. NotFound for an unknown check."""
        checks = {check.id: check for check in self.checks()}
        for check_id in query.checks:
            self.check(check_id)
        mutes, today = self.mutes(), self._now().date()
        self._owners.refresh()
        with self._store.read() as connection:
            rows = _rows(connection)
        findings = [self._finding(row, checks[row.check_id], mutes, today) for row in rows if row.check_id in checks]
        chosen = [finding for finding in findings if _matches(finding, query)]
        return tuple(sorted(chosen, key=lambda item: (-item.check.severity, item.status, item.since, item.resource)))

    def runs(self, *, limit: int = 90) -> tuple[CheckRun, ...]:
        """Return the last runs, newest first."""
        with self._store.read() as connection:
            rows = connection.execute(select(check_run).order_by(check_run.c.check_run_id.desc()).limit(limit)).all()
        return tuple(
            CheckRun(parse_time(row.ran_at), row.duration_s, row.resources, row.judged, json.loads(row.counts))
            for row in rows
        )

    def mutes(self) -> tuple[Mute, ...]:
        """Return the mutes of the file, those that ended included."""
        return load_mutes(self.mutes_file, (check.id for check in load_checks(self._folder(), BY_NAME)))

    @property
    def mutes_file(self) -> Path:
        """The file of mutes."""
        return self._base / self._config.mutes

    def mute(self, mute: Mute, *, dry_run: bool = False) -> str:
        """Add a mute to the file, unless `dry_run`, and return its text. NotFound for the check; UsageError without a reason."""
        self.check(mute.check)
        if not mute.reason.strip():
            raise UsageError(
                "a mute needs a reason",
                hint="Give the reason why the finding is accepted: --reason 'a public website'.",
            )
        self.mutes()  # report a mistake in the file before adding to it
        if not dry_run:
            add_mute(self.mutes_file, mute)
        return mute_text(mute)

    def _folder(self) -> Path | None:
        return self._base / self._config.folder if self._config.folder else None

    def _finding(self, row: Any, check: Check, mutes: Sequence[Mute], today: date) -> Finding:
        subject = row.arn or row.key or row.account_id
        mute = mute_of(mutes, check.id, (subject, row.key or "", row.resource_id or "", row.name or ""), today)
        return Finding(
            check=check,
            status=Status(row.status),
            account_id=row.account_id,
            region=row.region or "",
            resource_row_id=row.resource_row_id,
            resource=subject,
            name=row.name or row.account_id,
            owner=row.owner or "",
            since=parse_time(row.since),
            actor=row.actor,
            unread=tuple(json.loads(row.unread)),
            muted=mute.reason if mute else "",
        )


def _rows(connection: Connection) -> Sequence[Any]:
    columns = [resource.c[name] for name in ("key", "arn", "resource_id", "name", "region")]
    of_resource = resource_owner.c.resource_row_id == check_finding.c.resource_row_id
    statement = (
        select(check_finding, *columns, resource_owner.c.owner)
        .outerjoin(resource, resource.c.id == check_finding.c.resource_row_id)
        .outerjoin(resource_owner, of_resource & resource_owner.c.valid_to.is_(None))
    )
    return connection.execute(statement).all()


def _matches(finding: Finding, query: FindingQuery) -> bool:
    return (
        (not query.checks or finding.check.id in query.checks)
        and finding.check.severity >= query.severity
        and (not query.accounts or finding.account_id in query.accounts)
        and (not query.owner or finding.owner == ("" if query.owner == "-" else query.owner))
        and (not query.statuses or finding.status in query.statuses)
        and (query.muted or not finding.muted)
    )
