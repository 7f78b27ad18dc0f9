"""How a visit ended, as the one ScopeResult it is reported by. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from windlass.core.errors import AwsError
from windlass.inventory.extract import observe
from windlass.inventory.model import Observation, ScopeResult
from windlass.inventory.visit import Found, Visit

__all__ = ["outcome"]


def outcome(visit: Visit, *, partition: str, salt: bytes, redact_paths: Sequence[str], now: datetime) -> ScopeResult:
    """The visit's observations when its listing is complete, else why it is not. `redact_paths` are `type:path`."""
    observations: tuple[Observation, ...] = ()
    if visit.state.complete:
        try:
            observations = _observations(visit, partition, salt, redact_paths)
        except Exception as error:  # noqa: BLE001  an answer of a shape nobody foresaw must not end the whole run
            visit.fail(AwsError(f"{visit.scope.type}: {type(error).__name__}: {error}", code="Malformed"))
    return ScopeResult(
        scope=visit.scope,
        state=visit.state,
        observations=observations if visit.state.complete else (),
        error_code=visit.error.code if visit.error else "",
        error=visit.error.message if visit.error else "",
        calls=visit.calls,
        started_at=visit.started_at,
        finished_at=now,
    )


def _observations(visit: Visit, partition: str, salt: bytes, redact_paths: Sequence[str]) -> tuple[Observation, ...]:
    mine = [path.partition(":")[2] for path in redact_paths if path.startswith(f"{visit.kind.name}:")]
    observations = []
    for found in visit.found:
        if found.gone:
            continue
        seen = observe(
            visit.kind, visit.scope, found.item, partition=partition, salt=salt, region=found.region,
            unknown=found.unknown, measures=found.measures, redact_paths=mine,
        )  # fmt: skip
        if _unidentified(visit, found, seen):
            # It exists, but which one it is could not be read: calling the listing complete would delete it.
            visit.fail(
                visit.error or AwsError(f"{visit.scope.type}: an item could not be told apart", code="Unidentified")
            )
            return ()
        if seen is not None:
            observations.append(seen)
    return tuple(observations)


def _unidentified(visit: Visit, found: Found, seen: Observation | None) -> bool:
    return "*" in found.unknown and (seen is None or bool(visit.kind.arn and not seen.arn))
