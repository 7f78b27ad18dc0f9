"""The ScopeResult of a scan. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from windlass.core.errors import AwsError
from windlass.inventory.model import Observation, ScopeResult
from windlass.inventory.observations import is_kept, observe
from windlass.inventory.scope_scan import ScopeScan

__all__ = ["INTERRUPTED", "scope_result"]

INTERRUPTED = "Interrupted"
"""The error code of a scope that was listed completely, but whose run stopped before all details were read."""


def scope_result(
    scan: ScopeScan, *, partition: str, salt: bytes, redact_paths: Sequence[str], now: datetime
) -> ScopeResult:
    """Return the scan's observations when its listing is complete, else its error. `redact_paths` are `type:path`."""
    observations: tuple[Observation, ...] = ()
    if scan.state.complete:
        try:
            observations = _observations(scan, partition, salt, redact_paths)
        except Exception as error:  # noqa: BLE001  a response of an unforeseen shape must not end the run
            scan.fail(AwsError(f"{scan.scope.type}: {type(error).__name__}: {error}", code="Malformed"))
    return ScopeResult(
        scope=scan.scope,
        state=scan.state,
        observations=observations if scan.state.complete else (),
        error_code=scan.error.code if scan.error else "",
        error=scan.error.message if scan.error else "",
        calls=scan.calls,
        started_at=scan.started_at,
        finished_at=now,
    )


def _observations(scan: ScopeScan, partition: str, salt: bytes, redact_paths: Sequence[str]) -> tuple[Observation, ...]:
    kind = scan.kind
    type_paths = [path.partition(":")[2] for path in redact_paths if path.startswith(f"{kind.name}:")]
    observations = []
    for item in scan.items:
        observation = observe(
            kind,
            scan.scope,
            item.document,
            partition=partition,
            salt=salt,
            region=item.region,
            unknown=item.unknown(kind),
            measures=item.measures,
            redact_paths=type_paths,
        )
        if observation is not None:
            observations.append(observation)
        elif is_kept(kind, item.document):
            # The item exists but cannot be identified: a listing that counts as complete would delete its resource.
            scan.fail(AwsError(f"{scan.scope.type}: an item of the listing has no {kind.id}", code="Malformed"))
            return ()
    return tuple(observations)
