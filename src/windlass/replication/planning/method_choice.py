"""The choice of a pair's method, and its reason. Pure.

True replicas (version ids, times, replication status) are only made by Batch Replication: where replication is on, or is
switched on first, that is the way unless copies are asked for. Copies are made directly as long as that takes minutes:
a batch job costs a fee per job and object, a direct copy none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from windlass.core.errors import UsageError
from windlass.core.units import format_duration
from windlass.replication.config import ReplicationConfig
from windlass.replication.model import Method, Operation, Pair, Volume
from windlass.replication.planning.cost import Estimate, Keys, estimate

__all__ = ["Choice", "MethodConstraints", "choose"]

_DIRECT_S = 1800.0
_MOST_TASKS = 20_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodConstraints:
    """What the choice depends on beside the volume."""

    replicating: bool
    """A live rule covers the destination, or is switched on first."""
    elsewhere: tuple[str, ...] = ()
    """Services on a side that are not Amazon S3: they have no batch jobs and no replication of this kind."""
    one_service: bool = True
    """One service has both sides: it can copy by itself."""
    detached: bool = False
    customer_keys: bool = False
    """A customer key (SSE-C) is configured for one of the buckets."""
    keys: Keys = field(default_factory=Keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The way chosen, the reason, and what every possible way would cost and take."""

    method: Method
    operation: Operation
    why: str
    estimates: tuple[Estimate, ...]

    @property
    def estimate(self) -> Estimate:
        """The chosen way's."""
        return next(one for one in self.estimates if one.method is self.method and one.operation is self.operation)


def choose(
    pair: Pair,
    volume: Volume,
    asked: Method,
    operation: Operation | None,
    situation: MethodConstraints,
    config: ReplicationConfig,
) -> Choice:
    """The way asked for, or the best one. UsageError when what is asked for can't be done so."""
    _refuse(asked, operation, situation)
    wanted = operation or (Operation.REPLICATE if _replicas(asked, situation) else Operation.COPY)
    _refuse_customer_keys(asked, wanted, situation)
    ways = _possible(wanted, situation)
    estimates = tuple(
        estimate(way, does, pair, volume, config, situation.keys) for way, does in ((way, wanted) for way in ways)
    )
    if asked is not Method.AUTO:
        return Choice(method=asked, operation=wanted, why="asked for", estimates=estimates)
    way, why = _best(wanted, volume, situation, {one.method: one for one in estimates})
    return Choice(method=way, operation=wanted, why=why, estimates=estimates)


def _replicas(asked: Method, situation: MethodConstraints) -> bool:
    if situation.customer_keys and asked is Method.AUTO:
        return False
    return situation.replicating and not situation.elsewhere and asked in (Method.AUTO, Method.BATCH)


def _possible(operation: Operation, situation: MethodConstraints) -> tuple[Method, ...]:
    if operation is not Operation.COPY:
        return (Method.BATCH,)
    if situation.elsewhere or situation.customer_keys:
        return (Method.DIRECT,)
    return (Method.DIRECT, Method.BATCH, Method.EMR)


def _refuse(asked: Method, operation: Operation | None, situation: MethodConstraints) -> None:
    if situation.elsewhere:
        _refuse_elsewhere(asked, operation, situation)
    if operation in (Operation.REPLICATE, Operation.LAMBDA) and asked in (Method.DIRECT, Method.EMR):
        what = "make true replicas" if operation is Operation.REPLICATE else "invoke a function per object"
        raise UsageError(f"--method {asked} cannot {what}: only batch jobs can", hint="Use --method batch or auto.")
    if operation is Operation.REPLICATE and not situation.replicating:
        raise UsageError(
            "true replicas need a replication rule from the source to the destination",
            hint="Leave out --no-switch-on, or use --operation copy.",
        )
    if situation.detached and asked is Method.DIRECT:
        raise UsageError(
            "a direct seed runs in this process and cannot be detached",
            hint="Use --method batch, or run the command in the background.",
        )


def _refuse_customer_keys(asked: Method, operation: Operation, situation: MethodConstraints) -> None:
    """Refuse copies by a service that takes no customer keys (S3 user guide, "Copy objects" of S3 Batch Operations)."""
    if not situation.customer_keys or operation is not Operation.COPY:
        return
    if asked in (Method.BATCH, Method.EMR):
        service = "S3 Batch Operations" if asked is Method.BATCH else "S3DistCp on EMR"
        raise UsageError(
            f"--method {asked} cannot copy objects under customer keys (SSE-C): {service} takes no keys",
            hint="Use --method direct.",
        )
    if situation.detached:
        raise UsageError(
            "objects under customer keys (SSE-C) are copied by this process: the seed cannot be detached",
            hint="Run the command in the background.",
        )


def _refuse_elsewhere(asked: Method, operation: Operation | None, situation: MethodConstraints) -> None:
    """What only Amazon S3 does, between buckets of its own."""
    where = f"{' and '.join(situation.elsewhere)} {'is' if len(situation.elsewhere) == 1 else 'are'} not Amazon S3"
    if asked in (Method.BATCH, Method.EMR):
        raise UsageError(
            f"--method {asked} needs Amazon S3 as source and destination: {where}", hint="Use --method direct, or auto."
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
    if situation.elsewhere:
        where = " and ".join(situation.elsewhere)
        if situation.one_service:
            return Method.DIRECT, f"{where} copies by itself, and has no batch jobs: asked for from here"
        return Method.DIRECT, f"{where} is not Amazon S3: objects are read and written by this process"
    if situation.customer_keys:
        return (
            Method.DIRECT,
            "objects are under customer keys (SSE-C): S3 Batch Operations takes none, so this process copies",
        )
    if situation.detached:
        return Method.BATCH, "detached: a batch job needs no process of ours"
    if volume.to_move > _MOST_TASKS:
        return Method.EMR, f"{volume.to_move:,} objects are more than the {_MOST_TASKS:,} a batch job takes"
    direct, batch = estimates[Method.DIRECT], estimates[Method.BATCH]
    if direct.seconds <= _DIRECT_S or direct.seconds <= batch.seconds / 4:
        return Method.DIRECT, (
            f"{volume.to_move:,} objects take about {format_duration(direct.seconds)} directly, "
            f"${batch.usd - direct.usd:,.2f} less than a batch job"
        )
    return Method.BATCH, (
        f"{volume.to_move:,} objects would keep this process busy for {format_duration(direct.seconds)}; "
        f"a batch job costs ${batch.usd - direct.usd:,.2f} more and needs none"
    )
