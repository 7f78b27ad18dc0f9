"""The values of osquery: enrolled nodes, enrollment secrets, and live queries with their answers.

A node is one running osqueryd. Its host is named by the EC2 instance ID, else by the machine's UUID.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["AnswerState", "EnrollSecret", "HostDetails", "LiveAnswer", "LiveQuery", "Node", "Row"]

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDetails:
    """A host's description of itself when it enrolls. Unknown fields are empty."""

    host_identifier: str
    name: str = ""
    platform: str = ""  # linux, darwin, windows
    host_uuid: str = ""
    vendor: str = ""
    osquery_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An enrolled osqueryd. `epoch` is the schedule epoch that the server assigned: a new one makes it send full sets."""

    node_id: str
    details: HostDetails
    instance_id: str
    account_id: str
    region: str
    has_identity: bool  # False while it is not known whether the host is an EC2 instance
    has_first_facts: bool  # False until the pack has run once as live queries
    epoch: int
    secret_name: str
    address: str
    enrollments: int
    enrolled_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None = None

    @property
    def host_id(self) -> str:
        """Return the instance ID, else the machine's UUID, else its host identifier."""
        return self.instance_id or self.details.host_uuid or self.details.host_identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollSecret:
    """An enrollment secret without its text. Several may be valid at once, so that one can replace another."""

    name: str
    created_at: datetime
    expires_at: datetime | None  # None: never
    revoked_at: datetime | None
    last_used_at: datetime | None
    nodes: int = 0  # enrolled with it

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class AnswerState(StrEnum):
    """The state of a live query on one host."""

    WAITING = "waiting"  # the host has not fetched it yet
    SENT = "sent"
    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAnswer:
    """The answer of one host to a live query. `rows_left_off` counts the rows beyond the limit."""

    node_id: str
    host_id: str
    name: str
    state: AnswerState
    rows: tuple[Row, ...] = ()
    rows_left_off: int = 0
    error: str = ""
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveQuery:
    """A query for hosts, open until `expires_at`."""

    query_id: str
    sql: str
    actor: str
    created_at: datetime
    expires_at: datetime
    answers: tuple[LiveAnswer, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True when every host answered, with rows or with an error."""
        return all(answer.state in (AnswerState.ANSWERED, AnswerState.FAILED) for answer in self.answers)

    @property
    def succeeded(self) -> bool:
        """True when every host answered with rows, none with an error."""
        return all(answer.state is AnswerState.ANSWERED for answer in self.answers)
