"""What is asked of a seed, and the plan that comes of it for each pair: way, cost, findings, and the writes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from windlass.core.errors import UsageError, WindlassError
from windlass.replication.comparison import Compare, Criteria
from windlass.replication.config import ReplicationConfig
from windlass.replication.customer_keys import CustomerKeys
from windlass.replication.effects import Effect
from windlass.replication.methods import emr
from windlass.replication.methods.batch import job as batch
from windlass.replication.methods.batch.template import Template
from windlass.replication.model import Attribute, Method, Operation, Pair, Volume
from windlass.replication.planning.cost import Keys
from windlass.replication.planning.facts import PairFacts, RoleFacts
from windlass.replication.planning.method_choice import Choice, MethodConstraints, choose
from windlass.replication.planning.preflight import Finding, Intent, check, refusal
from windlass.replication.setup.replication import agreement_effects, role_effects, switch_effects
from windlass.replication.setup.role import BATCH_SERVICE, RoleScope, batch_statements, role_arn, role_name

__all__ = [
    "PairPlan",
    "Request",
    "batch_effects",
    "copy_role",
    "effects_for",
    "generated",
    "idle",
    "is_first",
    "plan_pair",
    "switching",
]


_RENAMED = {
    "method": "method",
    "preserve": "preserve",
    "include_in_sync": "include_in_sync",
    "distributed": "distributed",
}
"""Fields of jobs that were stored under earlier names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for, the same for every pair. `switch_on` None: where true replicas are made.

    `delete_markers` None: not by the rule, and in their places by direct copies of versions.
    """

    method: Method = Method.AUTO
    operation: Operation | None = None
    switch_on: bool | None = None
    enable_versioning: bool = False
    delete_markers: bool | None = None
    canary: bool = True
    versions: bool = False
    include_in_sync: bool = False
    detach: bool = False
    confirm: bool = False
    verify: bool = True
    distributed: bool = False
    preserve: frozenset[Attribute] = frozenset()
    compare: Compare = Compare.ETAG
    different: bool = False
    """Replace objects of the destination that differ and are newer."""
    strict: bool = False
    """A seed of which some objects could not be compared is incomplete."""
    restore_days: int = 0
    """Restore archived objects for so many days and wait for them; 0 for not."""
    measure: str = "auto"
    template: Template = field(default_factory=Template)
    target: emr.EmrTarget = field(default_factory=emr.EmrTarget)

    @property
    def criteria(self) -> Criteria:
        """How objects are compared."""
        return Criteria(self.compare, self.different)

    def params(self) -> dict[str, Any]:
        """As a job keeps it."""
        plain = {
            name: getattr(self, name)
            for name in (
                "switch_on",
                "enable_versioning",
                "delete_markers",
                "canary",
                "versions",
                "include_in_sync",
                "detach",
                "confirm",
                "verify",
                "measure",
                "distributed",
                "different",
                "strict",
                "restore_days",
            )
        }
        return plain | {
            "method": str(self.method),
            "compare": str(self.compare),
            "operation": str(self.operation or ""),
            "target": self.target.params(),
            "template": self.template.model_dump(mode="json", by_alias=True),
            "preserve": sorted(map(str, self.preserve)),
        }

    @staticmethod
    def of(params: Mapping[str, Any]) -> Request:
        """The request that a job kept."""
        known = {_RENAMED.get(name, name): value for name, value in params.items()}
        return Request(
            **known
            | {
                "method": Method(known["method"]),
                "compare": Compare(known.get("compare", Compare.ETAG)),
                "operation": Operation(known["operation"]) if known["operation"] else None,
                "target": emr.EmrTarget(**known["target"]),
                "template": Template.model_validate(known["template"]),
                "preserve": frozenset(map(Attribute, known.get("preserve", ()))),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """One pair: what was found, how it will be seeded, and why not."""

    pair: Pair
    facts: PairFacts | None = None
    volume: Volume | None = None
    choice: Choice | None = None
    findings: tuple[Finding, ...] = ()
    error: WindlassError | None = None

    @property
    def idle(self) -> bool:
        """Whether the destination has everything already."""
        return self.volume is not None and self.volume.missing == 0 and not self.volume.undecided


def plan_pair(facts: PairFacts, volume: Volume | None, request: Request, config: ReplicationConfig) -> PairPlan:
    """The plan of one pair. What stands in the way is in it, not raised."""
    if facts.pair.services and (refused := _refused_elsewhere(facts.pair, request)) is not None:
        return PairPlan(pair=facts.pair, facts=facts, error=refused)
    if not (facts.source.exists and facts.destination.exists):
        findings = check(facts, Intent(operation=request.operation or Operation.REPLICATE))
        return PairPlan(pair=facts.pair, facts=facts, findings=findings, error=refusal(facts, findings))
    placed = facts.placed
    situation = MethodConstraints(
        replicating=not placed.services and (facts.rule is not None or request.switch_on is not False),
        detached=request.detach,
        elsewhere=placed.services,
        one_service=placed.one_service,
        customer_keys=CustomerKeys(config.customer_keys).covers(placed),
        keys=Keys(facts.source.key is not None, facts.destination.key is not None, facts.destination.bucket_key),
    )
    try:
        choice = choose(
            placed, volume or Volume(objects=0, size_bytes=0), request.method, request.operation, situation, config
        )
    except WindlassError as error:
        return PairPlan(pair=placed, facts=facts, volume=volume, error=error)
    if request.restore_days and choice.method is not Method.DIRECT:
        refused = UsageError(
            f"{placed.title}: only direct copies wait for restores, and the way is {choice.method}",
            hint="Add --operation copy --method direct.",
        )
        return PairPlan(pair=placed, facts=facts, volume=volume, choice=choice, error=refused)
    if request.preserve and choice.method is not Method.DIRECT:
        what = ", ".join(sorted(request.preserve))
        refused = UsageError(
            f"{placed.title}: only direct copies carry {what} where it is asked for, and the way is {choice.method}",
            hint="Add --operation copy --method direct. True replicas carry ACLs and locks by themselves.",
        )
        return PairPlan(pair=placed, facts=facts, volume=volume, choice=choice, error=refused)
    findings = check(facts, _intent(facts, request, choice, config, volume))
    return PairPlan(
        pair=placed, facts=facts, volume=volume, choice=choice, findings=findings, error=refusal(facts, findings)
    )


def _refused_elsewhere(pair: Pair, request: Request) -> WindlassError | None:
    """What is asked of replication rules, which only Amazon S3 has; and versions, which only it lists alike."""
    asked = {
        "--switch-on": request.switch_on is True,
        "--enable-versioning": request.enable_versioning,
        "--delete-markers": request.delete_markers is True,
        "--versions": request.versions,
        "--preserve": bool(request.preserve),
    }
    given = [name for name, is_asked in asked.items() if is_asked]
    if not given:
        return None
    where = " and ".join(pair.services)
    return UsageError(
        f"{pair.title}: {', '.join(given)} can't be done: {where} is not Amazon S3",
        hint="Leave that out: current versions are copied.",
    )


def idle(plan: PairPlan, request: Request) -> bool:
    """Whether nothing is to be done: a plan counts current objects only, and says nothing of their older versions."""
    direct = plan.choice is not None and plan.choice.method is Method.DIRECT
    return plan.idle and not request.include_in_sync and not (request.versions and direct)


def is_first(plan: PairPlan) -> bool:
    """True when nothing can have been replicated to this destination: its rule is new, or it has none of the source's objects."""
    volume = plan.volume
    empty = volume is not None and volume.source == "listing" and 0 < volume.objects == volume.missing
    return empty or (plan.facts is not None and plan.facts.rule is None)


def switching(plan_choice: Choice | Operation, request: Request) -> bool:
    """Whether replication is switched on first."""
    operation = plan_choice.operation if isinstance(plan_choice, Choice) else plan_choice
    return operation is Operation.REPLICATE if request.switch_on is None else request.switch_on


def generated(template: Template, operation: Operation) -> bool:
    """Whether S3 makes the manifest itself."""
    return (template.manifest.kind or ("generated" if operation is Operation.REPLICATE else "csv")) == "generated"


def effects_for(
    plan: PairPlan,
    request: Request,
    config: ReplicationConfig,
    *,
    seed_id: str,
    set_name: str = "",
    held: RoleFacts | None = None,
) -> tuple[Effect, ...]:
    """Every write of a pair's seed, in order: what --dry-run prints. Copies of single objects are not listed one by one."""
    if plan.facts is None or plan.choice is None or idle(plan, request):
        return ()
    operation, way = plan.choice.operation, plan.choice.method
    found: list[Effect] = []
    if switching(plan.choice, request):
        intent = _intent(plan.facts, request, plan.choice, config, plan.volume)
        found += switch_effects(plan.facts, intent, config, held)
    if way is Method.BATCH:
        role, made = copy_role(plan.facts, request, operation, config, seed_id)
        found += made
        number = plan.volume.to_move if plan.volume else 0
        found += batch_effects(
            plan.pair,
            request,
            operation,
            config,
            seed_id=seed_id,
            set_name=set_name,
            role=role,
            count=number,
            first=is_first(plan),
        )
    elif way is Method.EMR:
        spot = staging_prefixes(plan.pair, request.template, operation, config, seed_id)[0]
        found += emr.emr_effects(
            plan.pair, request.target, seed_id, spot, None, encrypt=plan.facts.destination.key is not None
        )
    else:
        found.append(_copies(plan, request))
    return tuple(found)


def copy_role(
    facts: PairFacts, request: Request, operation: Operation, config: ReplicationConfig, seed_id: str
) -> tuple[str, list[Effect]]:
    """The job's role, and the writes that make it, where none was named."""
    named = request.template.role or config.role
    pair = facts.placed
    place = batch.job_bucket(operation, pair)
    name = role_name(f"batch-{operation}", pair)
    arn = named or role_arn(name, place.account_id, place.region)
    found: list[Effect] = []
    if not named:
        statements = batch_statements(pair, _work(facts, request, operation, config, seed_id), facts.encryption)
        found += role_effects(place, name, BATCH_SERVICE, statements, f"{operation} {pair.title}")
    if operation is Operation.COPY:
        found += agreement_effects(facts, operation, arn)
    return arn, found


def batch_effects(
    pair: Pair,
    request: Request,
    operation: Operation,
    config: ReplicationConfig,
    *,
    seed_id: str,
    set_name: str,
    role: str,
    count: int = 0,
    listed: batch.ManifestRef | None = None,
    created_before: datetime | None = None,
    number: int = 0,
    first: bool = False,
) -> list[Effect]:
    """The manifest, where it is ours and not written yet, and the job."""
    manifest_at, report_to = staging_prefixes(pair, request.template, operation, config, seed_id)
    found: list[Effect] = []
    manifest: batch.ManifestRef | batch.StagingPrefix = manifest_at
    if listed is not None:
        manifest = listed
    elif not generated(request.template, operation):
        key = f"{manifest_at.prefix}/manifest-{number}.csv"
        manifest = batch.ManifestRef(manifest_at.bucket, key, "(known once it is written)", request.versions)
        place = batch.job_bucket(operation, pair)
        found.append(
            Effect(
                account_id=place.account_id,
                region=place.region,
                service="s3",
                operation="PutObject",
                params={"Bucket": manifest_at.bucket, "Key": key},
                why=f"the list of {count:,} objects, streamed while it is made",
            )
        )
    found.append(
        batch.create_effect(
            pair,
            request.template,
            operation,
            seed_id=seed_id,
            set_name=set_name,
            role_arn=role,
            manifest=manifest,
            report_to=report_to,
            created_before=created_before,
            confirm=request.confirm,
            number=number,
            first=first,
            request_payer=config.request_payer,
        )
    )
    return found


def staging_prefixes(
    pair: Pair, template: Template, operation: Operation, config: ReplicationConfig, seed_id: str
) -> tuple[batch.StagingPrefix, batch.StagingPrefix]:
    """Where the manifest and the report go."""
    manifest, report = template.manifest, template.report
    return (
        batch.staging_prefix_for(
            pair, operation, seed_id, bucket=manifest.bucket, prefix=manifest.prefix, work=config.staging
        ),
        batch.staging_prefix_for(
            pair, operation, seed_id, bucket=report.bucket, prefix=report.prefix, work=config.staging
        ),
    )


def _work(
    facts: PairFacts, request: Request, operation: Operation, config: ReplicationConfig, seed_id: str
) -> RoleScope:
    manifest, report = staging_prefixes(facts.placed, request.template, operation, config, seed_id)
    return batch.work_for(
        request.template,
        operation,
        _above(manifest),
        _above(report),
        generated=generated(request.template, operation),
        versions=request.versions,
        locked=facts.source.locked,
    )


def _above(spot: batch.StagingPrefix) -> batch.StagingPrefix:
    """The role outlives the seed: it may reach every seed's folder, not only this one's."""
    return replace(spot, prefix=spot.prefix.rpartition("/")[0])


def _intent(
    facts: PairFacts, request: Request, choice: Choice, config: ReplicationConfig, volume: Volume | None
) -> Intent:
    return Intent(
        operation=choice.operation,
        method=choice.method,
        switch_on=switching(choice, request),
        enable_versioning=request.enable_versioning,
        delete_markers=bool(request.delete_markers),
        volume=volume,
        versions=request.versions,
        preserve=request.preserve,
        request_payer=config.request_payer,
        customer_keys=CustomerKeys(config.customer_keys).sides(facts.placed),
        work=_work(facts, request, choice.operation, config, "*"),
    )


def _copies(plan: PairPlan, request: Request) -> Effect:
    pair = plan.pair
    place = pair.destination if pair.destination.account_id or pair.services else pair.source
    number = plan.volume.to_move if plan.volume else 0
    how = (
        "copied from here, in parts above 5 GiB"
        if pair.one_service
        else f"read from {pair.source.name} and written by this process"
    )
    return Effect(
        account_id=place.account_id,
        region=place.region,
        service="s3",
        operation="CopyObject" if pair.one_service else "PutObject",
        params={"Bucket": pair.destination.name},
        why=f"{number:,} objects{_besides(request)}, {how}",
    )


def _besides(request: Request) -> str:
    """What is copied besides current objects as S3 copies them."""
    besides = ["the versions that are lacking"] if request.versions else []
    if request.versions and request.delete_markers is not False:
        besides.append("delete markers")
    return "".join(f", {one}" for one in (*besides, *sorted(request.preserve)))
