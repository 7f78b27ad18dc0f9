"""How a visit ended, as the one ScopeResult it is reported by. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from windlass.core.errors import AwsError
from windlass.inventory.extract import is_kept, observe
from windlass.inventory.model import Observation, ScopeResult
from windlass.inventory.visit import Visit

__all__ = ["INTERRUPTED", "outcome"]

INTERRUPTED = "Interrupted"
"""The error code of a scope that was listed completely, and whose run was stopped before all details were read."""


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
        observation = observe(
            visit.kind,
            visit.scope,
            found.item,
            partition=partition,
            salt=salt,
            region=found.region,
            unknown=found.unknown(visit.kind),
            measures=found.measures,
            redact_paths=mine,
        )
        if observation is not None:
            observations.append(observation)
        elif is_kept(visit.kind, found.item):
            # It exists, and nothing tells which one it is: calling the listing complete would delete it.
            visit.fail(AwsError(f"{visit.scope.type}: an item of the listing has no {visit.kind.id}", code="Malformed"))
            return ()
    return tuple(observations)
