"""Severities by the names that users write."""

from __future__ import annotations

from windlass.checks.model import Severity
from windlass.core.suggest import unknown_word

__all__ = ["severity_of"]


def severity_of(name: str) -> Severity:
    """Return the severity of this name. UsageError, with the nearest one, when there is none."""
    by_name = {severity.label: severity for severity in Severity}
    if name not in by_name:
        raise unknown_word("severity", name, by_name)
    return by_name[name]
