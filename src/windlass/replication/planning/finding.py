"""Findings of preflight, and the intended operation on a pair. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windlass.core.iam import difference
from windlass.replication.failures import explain
from windlass.replication.model import Attribute, Method, Operation, Volume
from windlass.replication.setup.role import RoleScope

__all__ = ["Fix", "Intent", "PreflightFinding", "error_finding", "warning_finding"]


@dataclass(frozen=True, slots=True)
class Fix:
    """A policy's current and required document. `name` identifies it (`role/windlass-batch-1f3a`, `bucket policy of
    logs`).
    """

    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Return the difference as a unified diff."""
        return difference(self.before, self.after, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightFinding:
    """Something that will fail (`error`) or may surprise (`warning`): on which bucket or role, why, and the remedy."""

    level: str
    code: str
    where: str
    message: str
    advice: str
    fix: Fix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The intended operation on a pair."""

    operation: Operation
    method: Method = Method.BATCH
    switch_on: bool = True
    enable_versioning: bool = False
    delete_markers: bool = False
    work: RoleScope | None = None
    volume: Volume | None = None
    versions: bool = False
    preserve: frozenset[Attribute] = frozenset()
    request_payer: bool = False
    customer_keys: tuple[bool, bool] = (False, False)
    """For the source and the destination: True when a customer key (SSE-C) is configured."""


def error_finding(
    code: str, where: str, message: str = "", advice: str = "", fix: Fix | None = None
) -> PreflightFinding:
    """Return a finding about something that will fail. Message and advice are the code's own by default."""
    known = explain(code)
    return PreflightFinding(
        level="error", code=code, where=where, message=message or known.meaning, advice=advice or known.advice, fix=fix
    )


def warning_finding(code: str, where: str, message: str, advice: str) -> PreflightFinding:
    """Return a finding about something that may surprise."""
    return PreflightFinding(level="warning", code=code, where=where, message=message, advice=advice)
