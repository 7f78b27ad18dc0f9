"""The plan of one pair: facts, method, cost and findings. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.core.errors import UsageError, WindlassError
from windlass.replication.config import ReplicationConfig
from windlass.replication.customer_keys import CustomerKeys
from windlass.replication.methods.batch.effects import role_scope
from windlass.replication.model import Method, Operation, Pair, Volume
from windlass.replication.planning.cost import KmsKeys
from windlass.replication.planning.facts import PairFacts
from windlass.replication.planning.method_choice import Choice, MethodConstraints, choose
from windlass.replication.planning.preflight import Intent, PreflightFinding, check, refusal
from windlass.replication.planning.request import SeedRequest

__all__ = ["PairPlan", "intent_of", "plan_pair"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """The plan of one pair: its facts, how it is seeded, and the error if it cannot be."""

    pair: Pair
    facts: PairFacts | None = None
    volume: Volume | None = None
    choice: Choice | None = None
    findings: tuple[PreflightFinding, ...] = ()
    error: WindlassError | None = None

    @property
    def in_sync(self) -> bool:
        """True when the destination has every object of the source."""
        return self.volume is not None and self.volume.missing == 0 and not self.volume.undecided

    @property
    def is_first(self) -> bool:
        """True when nothing was replicated to this destination before: its rule is new, or it has no object of the
        source.
        """
        volume = self.volume
        empty = volume is not None and volume.source == "listing" and 0 < volume.objects == volume.missing
        return empty or (self.facts is not None and self.facts.rule is None)

    def is_done(self, request: SeedRequest) -> bool:
        """True when there is nothing to do. A plan counts current objects only, so direct copies of versions always
        compare.
        """
        direct = self.choice is not None and self.choice.method is Method.DIRECT
        return self.in_sync and not request.include_in_sync and not (request.versions and direct)


def plan_pair(facts: PairFacts, volume: Volume | None, request: SeedRequest, config: ReplicationConfig) -> PairPlan:
    """Plan one pair. Problems are part of the plan, not raised."""
    if facts.pair.services and (refused := _refused_other_service(facts.pair, request)) is not None:
        return PairPlan(pair=facts.pair, facts=facts, error=refused)
    if not (facts.source.exists and facts.destination.exists):
        findings = check(facts, Intent(operation=request.operation or Operation.REPLICATE))
        return PairPlan(pair=facts.pair, facts=facts, findings=findings, error=refusal(facts, findings))
    placed = facts.placed
    situation = MethodConstraints(
        replicating=not placed.services and (facts.rule is not None or request.switch_on is not False),
        detached=request.detach,
        other_services=placed.services,
        one_service=placed.one_service,
        customer_keys=CustomerKeys(config.customer_keys).covers(placed),
        keys=KmsKeys(facts.source.key is not None, facts.destination.key is not None, facts.destination.bucket_key),
    )
    try:
        choice = choose(
            placed, volume or Volume(objects=0, size_bytes=0), request.method, request.operation, situation, config
        )
    except WindlassError as error:
        return PairPlan(pair=placed, facts=facts, volume=volume, error=error)
    if request.restore_days and choice.method is not Method.DIRECT:
        refused = UsageError(
            f"{placed.title}: only direct copies wait for restores, and the method is {choice.method}",
            hint="Add --operation copy --method direct.",
        )
        return PairPlan(pair=placed, facts=facts, volume=volume, choice=choice, error=refused)
    if request.preserve and choice.method is not Method.DIRECT:
        what = ", ".join(sorted(request.preserve))
        refused = UsageError(
            f"{placed.title}: only direct copies preserve {what}, and the method is {choice.method}",
            hint="Add --operation copy --method direct. True replicas keep ACLs and locks without it.",
        )
        return PairPlan(pair=placed, facts=facts, volume=volume, choice=choice, error=refused)
    findings = check(facts, intent_of(facts, request, choice, config, volume))
    return PairPlan(
        pair=placed, facts=facts, volume=volume, choice=choice, findings=findings, error=refusal(facts, findings)
    )


def _refused_other_service(pair: Pair, request: SeedRequest) -> WindlassError | None:
    """Return the error for options that need replication rules or versions on a service other than Amazon S3; None
    without one.
    """
    options = {
        "--switch-on": request.switch_on is True,
        "--enable-versioning": request.enable_versioning,
        "--delete-markers": request.delete_markers is True,
        "--versions": request.versions,
        "--preserve": bool(request.preserve),
    }
    unsupported = [name for name, is_asked in options.items() if is_asked]
    if not unsupported:
        return None
    where = " and ".join(pair.services)
    return UsageError(
        f"{pair.title}: {', '.join(unsupported)} is not supported: {where} is not Amazon S3",
        hint="Leave out these options: current versions are copied.",
    )


def intent_of(
    facts: PairFacts, request: SeedRequest, choice: Choice, config: ReplicationConfig, volume: Volume | None
) -> Intent:
    """Return the intended operation on a pair, for preflight."""
    return Intent(
        operation=choice.operation,
        method=choice.method,
        switch_on=request.switches_on(choice.operation),
        enable_versioning=request.enable_versioning,
        delete_markers=bool(request.delete_markers),
        volume=volume,
        versions=request.versions,
        preserve=request.preserve,
        request_payer=config.request_payer,
        customer_keys=CustomerKeys(config.customer_keys).sides(facts.placed),
        work=role_scope(facts, request, choice.operation, config, "*"),
    )
