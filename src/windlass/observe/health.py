"""Health checks as values: each has a name, a state and a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from windlass.core.errors import WindlassError

__all__ = ["HealthCheck", "run_checks"]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The result of one check; `state` is ok, warn or fail."""

    name: str
    state: str
    detail: str = ""
    hint: str = ""


def run_checks(checks: Mapping[str, Callable[[], str]]) -> tuple[HealthCheck, ...]:
    """Run each check; a check that raises has failed, with its error as the reason."""
    results = []
    for name, check in checks.items():
        try:
            results.append(HealthCheck(name, "ok", check()))
        except WindlassError as error:
            results.append(HealthCheck(name, "fail", error.message, error.hint))
    return tuple(results)
