"""One job: its parameters, its state and its progress."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from windlass_local.batch.job_request import operation_of
from windlass_local.batch.manifest import Manifest, Row
from windlass_local.batch.operations import Tasks
from windlass_local.batch.report import Report, TaskResult
from windlass_local.batch.states import ENDED, FOLLOWERS, State
from windlass_local.batch.timing import BatchTiming

__all__ = ["Job"]

_REASON_LENGTH = 256


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """A job of an account and region. Its queue's lock is held during every change of state."""

    account_id: str
    region: str
    number: int
    parameters: Mapping[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = State.NEW
    priority: int = 0
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    suspended: datetime | None = None
    update_reason: str = ""  # StatusUpdateReason
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    active_s: float = 0.0
    failures: list[dict[str, str]] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)
    generated: dict[str, Any] | None = None
    manifest: Manifest | None = None
    rows: Iterator[Row] | None = None
    tasks: Tasks | None = None
    report: Report = field(default_factory=lambda: Report(""))
    since_s: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """Return the operation's name."""
        return operation_of(self.parameters)[0]

    @property
    def arn(self) -> str:
        """Return the job's ARN."""
        partition = self.parameters["RoleArn"].split(":")[1]
        return f"arn:{partition}:s3:{self.region}:{self.account_id}:job/{self.id}"

    def move_to(self, state: State) -> None:
        """Take the next state. AssertionError for a state that cannot follow."""
        assert state in FOLLOWERS[self.state], f"{self.state} can't become {state}"
        now_s = time.monotonic()
        if self.state is State.ACTIVE:
            self.active_s += now_s - self.since_s
        self.state, self.since_s = state, now_s
        if state is State.SUSPENDED:
            self.suspended = datetime.now(UTC)
        if state in ENDED:
            self.ended = datetime.now(UTC)
            self.manifest = self.rows = self.tasks = None
            self.report = Report("")

    def blame(self, code: str, reason: str) -> None:
        """Write down why the job fails."""
        self.failures.append({"FailureCode": code[:64], "FailureReason": reason[:_REASON_LENGTH]})

    def count(self, row: Row, outcome: TaskResult) -> None:
        """Count one task that has ended."""
        if outcome.ok:
            self.succeeded += 1
        else:
            self.failed += 1
        self.report.take(row, outcome)

    def is_failed(self, pace: BatchTiming) -> bool:
        """True when so many tasks failed that the job fails."""
        run = self.succeeded + self.failed
        return run >= pace.failing_after and self.failed > run * pace.failing_share

    def as_list_entry(self) -> dict[str, Any]:
        """Return the job as ListJobs describes it."""
        return {
            "JobId": self.id,
            "Description": self.parameters.get("Description"),
            "Operation": self.name,
            "Priority": self.priority,
            "Status": self.state,
            "CreationTime": self.created,
            "TerminationDate": self.ended,
            "ProgressSummary": self._progress(),
        }

    def description(self) -> dict[str, Any]:
        """Return the job as DescribeJob describes it."""
        parameters = self.parameters
        return {
            "JobId": self.id,
            "ConfirmationRequired": parameters.get("ConfirmationRequired", False),
            "Description": parameters.get("Description"),
            "JobArn": self.arn,
            "Status": self.state,
            "Manifest": parameters.get("Manifest"),
            "Operation": parameters["Operation"],
            "Priority": self.priority,
            "ProgressSummary": self._progress(),
            "StatusUpdateReason": self.update_reason or None,
            "FailureReasons": self.failures or None,
            "Report": parameters["Report"],
            "CreationTime": self.created,
            "TerminationDate": self.ended,
            "RoleArn": parameters["RoleArn"],
            "SuspendedDate": self.suspended,
            "SuspendedCause": "AwaitingConfirmation" if self.state is State.SUSPENDED else None,
            "ManifestGenerator": parameters.get("ManifestGenerator"),
            "GeneratedManifestDescriptor": self.generated,
        }

    def _progress(self) -> dict[str, Any]:
        active_s = self.active_s + (time.monotonic() - self.since_s if self.state is State.ACTIVE else 0.0)
        return {
            "TotalNumberOfTasks": self.total,
            "NumberOfTasksSucceeded": self.succeeded,
            "NumberOfTasksFailed": self.failed,
            "Timers": {"ElapsedTimeInActiveSeconds": int(active_s)},
        }
