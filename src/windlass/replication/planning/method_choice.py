"""The choice of a pair's method, with its reason. Pure.

Only Batch Replication makes true replicas (version ids, times, replication status). So it is chosen when replication is
on or will be switched on, unless copies are requested. Copies are made directly if that takes minutes: a batch job
costs a fee per job and object, a direct copy does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from windlass.core.errors import UsageError
from windlass.core.units import format_duration
from windlass.replication.config import ReplicationConfig
from windlass.replication.model import Method, Operation, Pair, Volume
from windlass.replication.planning.cost import Estimate, KmsKeys, estimate

__all__ = ["Choice", "MethodConstraints", "choose"]

_DIRECT_S = 1800.0
_MOST_TASKS = 20_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodConstraints:
    """The facts on which the choice depends, besides the volume."""

    replicating: bool
    """True when a live rule covers the destination, or will be switched on."""
    other_services: tuple[str, ...] = ()
    """The services of the pair that are not Amazon S3. They have no batch jobs and no such replication."""
    one_service: bool = True
    """True when one service has both buckets, and so can copy between them."""
    detached: bool = False
    customer_keys: bool = False
    """True when a customer key (SSE-C) is configured for one of the buckets."""
    keys: KmsKeys = field(default_factory=KmsKeys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The chosen method, the reason, and the estimates of all possible methods."""

    method: Method
    operation: Operation
    why: str
    estimates: tuple[Estimate, ...]

    @property
    def estimate(self) -> Estimate:
        """Return the estimate of the chosen method."""
        return next(
            estimate
            for estimate in self.estimates
            if estimate.method is self.method and estimate.operation is self.operation
        )


def choose(
    pair: Pair,
    volume: Volume,
    requested: Method,
    operation: Operation | None,
    situation: MethodConstraints,
    config: ReplicationConfig,
) -> Choice:
    """Return the requested method, or the best one. UsageError when the requested method cannot do the operation."""
    _refuse(requested, operation, situation)
    chosen = operation or (Operation.REPLICATE if _replicas(requested, situation) else Operation.COPY)
    _refuse_customer_keys(requested, chosen, situation)
    ways = _possible(chosen, situation)
    estimates = tuple(
        estimate(way, does, pair, volume, config, situation.keys) for way, does in ((way, chosen) for way in ways)
    )
    if requested is not Method.AUTO:
        return Choice(method=requested, operation=chosen, why="asked for", estimates=estimates)
    way, why = _best(chosen, volume, situation, {estimate.method: estimate for estimate in estimates})
    return Choice(method=way, operation=chosen, why=why, estimates=estimates)


def _replicas(requested: Method, situation: MethodConstraints) -> bool:
    if situation.customer_keys and requested is Method.AUTO:
        return False
    return situation.replicating and not situation.other_services and requested in (Method.AUTO, Method.BATCH)


def _possible(operation: Operation, situation: MethodConstraints) -> tuple[Method, ...]:
    if operation is not Operation.COPY:
        return (Method.BATCH,)
    if situation.other_services or situation.customer_keys:
        return (Method.DIRECT,)
    return (Method.DIRECT, Method.BATCH, Method.EMR)


def _refuse(requested: Method, operation: Operation | None, situation: MethodConstraints) -> None:
    if situation.other_services:
        _refuse_other_services(requested, operation, situation)
    if operation in (Operation.REPLICATE, Operation.LAMBDA) and requested in (Method.DIRECT, Method.EMR):
        what = "make true replicas" if operation is Operation.REPLICATE else "invoke a function per object"
        raise UsageError(f"--method {requested} cannot {what}: only batch jobs can", hint="Use --method batch or auto.")
    if operation is Operation.REPLICATE and not situation.replicating:
        raise UsageError(
            "true replicas need a replication rule from the source to the destination",
            hint="Leave out --no-switch-on, or use --operation copy.",
        )
    if situation.detached and requested is Method.DIRECT:
        raise UsageError(
            "a direct seed runs in this process and cannot be detached",
            hint="Use --method batch, or run the command in the background.",
        )


def _refuse_customer_keys(requested: Method, operation: Operation, situation: MethodConstraints) -> None:
    """Raise UsageError for copies by a service that accepts no customer keys (S3 user guide, "Copy objects" of S3 Batch
    Operations).
    """
    if not situation.customer_keys or operation is not Operation.COPY:
        return
    if requested in (Method.BATCH, Method.EMR):
        service = "S3 Batch Operations" if requested is Method.BATCH else "S3DistCp on EMR"
        raise UsageError(
            f"--method {requested} cannot copy objects with customer keys (SSE-C): {service} accepts no keys",
            hint="Use --method direct.",
        )
    if situation.detached:
        raise UsageError(
            "this process copies objects with customer keys (SSE-C), so the seed cannot be detached",
            hint="Run the command in the background.",
        )


def _refuse_other_services(requested: Method, operation: Operation | None, situation: MethodConstraints) -> None:
    """Raise UsageError for operations that Amazon S3 can do only between its own buckets."""
    where = f"{' and '.join(situation.other_services)} {'is' if len(situation.other_services) == 1 else 'are'} not Amazon S3"
    if requested in (Method.BATCH, Method.EMR):
        raise UsageError(
            f"--method {requested} needs Amazon S3 as source and destination: {where}",
            hint="Use --method direct, or auto.",
        )
    if operation in (Operation.REPLICATE, Operation.LAMBDA):
        what = "replicas are created" if operation is Operation.REPLICATE else "functions are invoked for each object"
        raise UsageError(f"{what} by Amazon S3 between its own buckets only: {where}", hint="Use --operation copy.")
    if situation.detached:
        raise UsageError(
            f"this process reads and writes the objects, so the seed cannot be detached ({where})",
            hint="Run the command in the background.",
        )


def _best(
    operation: Operation, volume: Volume, situation: MethodConstraints, estimates: dict[Method, Estimate]
) -> tuple[Method, str]:
    if operation is Operation.REPLICATE:
        return (
            Method.BATCH,
            "replication is on: only Batch Replication makes true replicas (version ids, times, status)",
        )
    if operation is Operation.LAMBDA:
        return Method.BATCH, "a function per object: S3 Batch Operations invokes it"
    if situation.other_services:
        where = " and ".join(situation.other_services)
        if situation.one_service:
            return (
                Method.DIRECT,
                f"{where} can copy between its own buckets, but has no batch jobs: this process requests the copies",
            )
        return Method.DIRECT, f"{where} is not Amazon S3: objects are read and written by this process"
    if situation.customer_keys:
        return (
            Method.DIRECT,
            "objects have customer keys (SSE-C), which S3 Batch Operations does not accept: this process copies",
        )
    if situation.detached:
        return Method.BATCH, "detached: a batch job does not need this process"
    if volume.to_move > _MOST_TASKS:
        return Method.EMR, f"{volume.to_move:,} objects are above the limit of a batch job ({_MOST_TASKS:,})"
    direct, batch = estimates[Method.DIRECT], estimates[Method.BATCH]
    if direct.seconds <= _DIRECT_S or direct.seconds <= batch.seconds / 4:
        return Method.DIRECT, (
            f"{volume.to_move:,} objects take about {format_duration(direct.seconds)} directly, "
            f"which costs ${batch.usd - direct.usd:,.2f} less than a batch job"
        )
    return Method.BATCH, (
        f"{volume.to_move:,} objects would keep this process busy for {format_duration(direct.seconds)}; "
        f"a batch job costs ${batch.usd - direct.usd:,.2f} more and does not need it"
    )
