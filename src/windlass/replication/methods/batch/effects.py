"""The writes of a seed by S3 Batch Operations, as effects: the job's role, the manifest and the job. Pure."""

from __future__ import annotations

from dataclasses import replace

from windlass.replication.config import ReplicationConfig
from windlass.replication.effects import Effect
from windlass.replication.methods.batch import job as batch
from windlass.replication.methods.batch.template import Template
from windlass.replication.model import ManifestRef, Operation, Pair
from windlass.replication.planning.facts import PairFacts
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.checkpoint import BatchCheckpoint
from windlass.replication.seed.task import SeedTask
from windlass.replication.setup.replication import agreement_effects, role_effects
from windlass.replication.setup.role import BATCH_SERVICE, RoleScope, batch_statements, role_arn, role_name

__all__ = ["checkpoint_of", "copy_role", "generated", "job_effects", "role_scope", "staging_prefixes"]


def checkpoint_of(task: SeedTask) -> BatchCheckpoint:
    """Return the checkpoint of a seed by S3 Batch Operations."""
    assert isinstance(task.checkpoint, BatchCheckpoint)
    return task.checkpoint


def generated(template: Template, operation: Operation) -> bool:
    """True when S3 generates the manifest."""
    return (template.manifest.kind or ("generated" if operation is Operation.REPLICATE else "csv")) == "generated"


def copy_role(
    facts: PairFacts, request: SeedRequest, operation: Operation, config: ReplicationConfig, seed_id: str
) -> tuple[str, list[Effect]]:
    """Return the job's role, and the writes that create it unless a role is configured."""
    named = request.template.role or config.role
    pair = facts.placed
    place = batch.job_bucket(operation, pair)
    name = role_name(f"batch-{operation}", pair)
    arn = named or role_arn(name, place.account_id, place.region)
    writes: list[Effect] = []
    if not named:
        statements = batch_statements(pair, role_scope(facts, request, operation, config, seed_id), facts.encryption)
        writes += role_effects(place, name, BATCH_SERVICE, statements, f"{operation} {pair.title}")
    if operation is Operation.COPY:
        writes += agreement_effects(facts, operation, arn)
    return arn, writes


def job_effects(
    task: SeedTask,
    request: SeedRequest,
    config: ReplicationConfig,
    *,
    manifest: ManifestRef | None = None,
    count: int = 0,
) -> list[Effect]:
    """Return the writes of the next job: its manifest, where Windlass writes one and `manifest` is not given, and CreateJob."""
    pair, operation, checkpoint = task.pair, task.operation, checkpoint_of(task)
    manifests_at, reports_at = staging_prefixes(pair, request.template, operation, config, task.seed_id)
    effects: list[Effect] = []
    if manifest is None and not generated(request.template, operation):
        key = f"{manifests_at.prefix}/manifest-{checkpoint.jobs_created}.csv"
        manifest = ManifestRef(manifests_at.bucket, key, "(known after the upload)", request.versions)
        bucket = batch.job_bucket(operation, pair)
        effects.append(
            Effect(
                account_id=bucket.account_id,
                region=bucket.region,
                service="s3",
                operation="PutObject",
                params={"Bucket": manifests_at.bucket, "Key": key},
                why=f"the manifest of {count:,} objects, uploaded as a stream",
            )
        )
    spec = batch.JobSpec(
        pair=pair,
        template=request.template,
        operation=operation,
        seed_id=task.seed_id,
        set_name=task.set_name,
        role_arn=checkpoint.role,
        manifest=manifest or manifests_at,
        report_to=reports_at,
        created_before=checkpoint.cutoff_at,
        confirm=request.confirm,
        number=checkpoint.jobs_created,
        first=checkpoint.first_replication,
        request_payer=config.request_payer,
    )
    return [*effects, batch.create_effect(spec)]


def staging_prefixes(
    pair: Pair, template: Template, operation: Operation, config: ReplicationConfig, seed_id: str
) -> tuple[batch.StagingPrefix, batch.StagingPrefix]:
    """Return the prefixes of the manifest and the report."""
    manifest, report = template.manifest, template.report
    return (
        batch.staging_prefix_for(
            pair, operation, seed_id, bucket=manifest.bucket, prefix=manifest.prefix, work=config.staging
        ),
        batch.staging_prefix_for(
            pair, operation, seed_id, bucket=report.bucket, prefix=report.prefix, work=config.staging
        ),
    )


def role_scope(
    facts: PairFacts, request: SeedRequest, operation: Operation, config: ReplicationConfig, seed_id: str
) -> RoleScope:
    """Return what the role of the pair's jobs must be able to reach."""
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
    """Return the parent folder: the role outlives the seed, so it may reach the folders of all seeds."""
    return replace(spot, prefix=spot.prefix.rpartition("/")[0])
