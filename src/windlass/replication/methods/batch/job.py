"""S3 Batch Operations: creates a job from a template, polls it, and reads it when it has ended.

A replicate job lives in the source's region, a copy job in the destination's. A generated manifest needs the source's
replication configuration. One ListJobs per account and region returns the status of all jobs (S3 user guide, "S3 Batch
Operations").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windlass.core.canonical import digest, plain
from windlass.core.clock import parse_time
from windlass.core.pool import map_bounded
from windlass.estate.service import Estate
from windlass.replication.effects import Effect
from windlass.replication.methods.batch.manifest import FIELDS, FIELDS_WITH_VERSIONS, FORMAT
from windlass.replication.methods.batch.template import Template
from windlass.replication.model import BatchJob, BucketRef, ManifestRef, Operation, Pair
from windlass.replication.own_keys import OWN_PREFIX
from windlass.replication.setup.role import RoleScope

__all__ = [
    "DONE_STATES",
    "JobSpec",
    "ManifestRef",
    "StagingPrefix",
    "create_effect",
    "describe",
    "find_jobs",
    "job_bucket",
    "list_jobs",
    "request_status",
    "staging_prefix_for",
    "tags_of",
    "work_for",
]

DONE_STATES = ("Complete", "Cancelled", "Failed")
_GENERATED = "S3InventoryReport_CSV_20211130"
_CHUNK_BYTES = 1 << 20
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class StagingPrefix:
    """A prefix for manifests or reports: the bucket, the account of its region, and the prefix without a trailing
    slash.
    """

    bucket: str
    prefix: str

    @property
    def arn_of(self) -> Callable[[BucketRef], str]:
        """Return a function that makes the bucket's ARN in the partition of a bucket."""
        return lambda place: BucketRef(bucket=self.bucket, region=place.region).arn


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job to create. A `StagingPrefix` as `manifest` means that S3 generates the manifest itself."""

    pair: Pair
    template: Template
    operation: Operation
    seed_id: str
    set_name: str
    role_arn: str
    manifest: ManifestRef | StagingPrefix
    report_to: StagingPrefix
    created_before: datetime | None = None
    confirm: bool = False
    """True when S3 counts the tasks and waits for a confirmation."""
    number: int = 0
    """The number of jobs that the seed created before this one."""
    first: bool = False
    """True when nothing was replicated to this destination before."""
    request_payer: bool = False


def job_bucket(operation: Operation, pair: Pair) -> BucketRef:
    """Return the bucket in whose account and region the job is created: the destination of a copy, otherwise the
    source.
    """
    if operation is Operation.COPY and pair.destination.account_id:
        return pair.destination
    return pair.source


def staging_prefix_for(
    pair: Pair, operation: Operation, seed_id: str, *, bucket: str, prefix: str, work: str
) -> StagingPrefix:
    """Return the prefix of a seed's manifests and reports: the template's, else `replication.staging`, else one in the
    job's bucket.
    """
    if bucket:
        return StagingPrefix(bucket, f"{(prefix or OWN_PREFIX).strip('/')}/{seed_id}")
    if work:
        name, _, below = work.removeprefix("s3://").partition("/")
        return StagingPrefix(name, f"{(below or OWN_PREFIX).strip('/')}/{seed_id}")
    return StagingPrefix(job_bucket(operation, pair).bucket, f"{(prefix or OWN_PREFIX).strip('/')}/{seed_id}")


def work_for(
    template: Template,
    operation: Operation,
    manifest: StagingPrefix,
    report_to: StagingPrefix,
    *,
    generated: bool,
    versions: bool,
    locked: bool,
) -> RoleScope:
    """Return what the job's role must be able to reach."""
    wants_manifest = not generated or template.manifest.keep
    return RoleScope(
        operation=operation,
        generated=generated,
        versions=versions,
        locked=locked,
        function_arn=template.invocation.function,
        manifest_bucket=manifest.bucket if wants_manifest else "",
        manifest_prefix=f"{manifest.prefix}/",
        report_bucket=report_to.bucket if template.report.enabled else "",
        report_prefix=f"{report_to.prefix}/",
    )


def create_effect(spec: JobSpec) -> Effect:
    """Return CreateJob as an effect. Its token is a digest of its parameters, so that a repeated call creates no second job."""
    place = job_bucket(spec.operation, spec.pair)
    names = {"source": spec.pair.source.bucket, "destination": spec.pair.destination.bucket}
    described = spec.template.description.replace("{source}", names["source"]).replace(
        "{destination}", names["destination"]
    )
    tags = {
        "windlass": "seed",
        "windlass:seed": spec.seed_id,
        "windlass:set": spec.set_name,
        "windlass:source": names["source"],
        "windlass:destination": names["destination"],
        **spec.template.tags,
    }
    params: dict[str, Any] = {
        "AccountId": place.account_id,
        "ConfirmationRequired": spec.confirm or spec.template.confirmation,
        "Operation": _operation(spec.template, spec.operation, spec.pair, spec.request_payer, spec.manifest),
        "Priority": spec.template.priority,
        "RoleArn": spec.role_arn,
        "Description": f"Windlass {spec.seed_id}: {described}"[:256],
        "Report": _report(spec.template, spec.report_to, place),
        "Tags": [{"Key": key, "Value": value[:256]} for key, value in tags.items() if value],
    }
    if isinstance(spec.manifest, ManifestRef):
        fields = FIELDS_WITH_VERSIONS if spec.manifest.versions else FIELDS
        arn = f"{BucketRef(bucket=spec.manifest.bucket, region=place.region).arn}/{spec.manifest.key}"
        params["Manifest"] = {
            "Spec": {"Format": FORMAT, "Fields": list(fields)},
            "Location": {"ObjectArn": arn, "ETag": spec.manifest.etag},
        }
    else:
        params["ManifestGenerator"] = {
            "S3JobManifestGenerator": _generator(
                spec.pair, spec.template, spec.operation, spec.manifest, spec.created_before, spec.first
            )
        }
    params["ClientRequestToken"] = digest([spec.seed_id, spec.number, plain(params)])
    return Effect(
        account_id=place.account_id,
        region=place.region,
        service="s3control",
        operation="CreateJob",
        params=params,
        why=f"{spec.operation} {spec.pair.title}",
        settles=True,
    )


def list_jobs(estate: Estate, account_id: str, region: str, job_ids: Iterable[str] = ()) -> dict[str, BatchJob]:
    """Return the jobs of an account and region, by id. With `job_ids`, the listing stops after the last of those."""
    missing = set(job_ids)
    some = bool(missing)
    jobs: dict[str, BatchJob] = {}
    for page in estate.pages(account_id, region, "s3control", "ListJobs", AccountId=account_id, MaxResults=1000):
        for job in page.get("Jobs", []):
            jobs[job["JobId"]] = _read(job, account_id, region)
        missing -= jobs.keys()
        if some and not missing:
            break
    return jobs


def describe(estate: Estate, account_id: str, region: str, job_id: str) -> BatchJob:
    """Return one job with its reasons and report."""
    response = estate.call(account_id, region, "s3control", "DescribeJob", AccountId=account_id, JobId=job_id)
    return _read(response["Job"], account_id, region)


def find_jobs(estate: Estate) -> Iterator[BatchJob]:
    """Yield every job that Windlass created, in all accounts and regions. Their descriptions begin with our name and
    the seed's id.
    """
    places = [(account.id, region) for account in estate.accounts() for region in estate.regions(account.id)]
    for outcome in map_bounded(lambda place: list_jobs(estate, *place), places, limit=_AT_ONCE):
        for job in (outcome.result or {}).values():
            if job.description.startswith("Windlass "):
                yield job


def tags_of(estate: Estate, job: BatchJob) -> dict[str, str]:
    """Return a job's tags."""
    response = estate.call(
        job.account_id, job.region, "s3control", "GetJobTagging", AccountId=job.account_id, JobId=job.job_id
    )
    return {tag["Key"]: tag["Value"] for tag in response.get("Tags", [])}


def request_status(estate: Estate, account_id: str, region: str, job_id: str, status: str, why: str) -> None:
    """Request the status `Ready` (confirm) or `Cancelled`: S3 accepts no other."""
    estate.call(
        account_id,
        region,
        "s3control",
        "UpdateJobStatus",
        AccountId=account_id,
        JobId=job_id,
        RequestedJobStatus=status,
        StatusUpdateReason=why,
    )


def _operation(
    template: Template, operation: Operation, pair: Pair, request_payer: bool, manifest: ManifestRef | StagingPrefix
) -> dict[str, Any]:
    if operation is Operation.REPLICATE:
        return {"S3ReplicateObject": {}}
    if operation is Operation.LAMBDA:
        invoked: dict[str, Any] = {
            "FunctionArn": template.invocation.function,
            "InvocationSchemaVersion": template.invocation.schema_version,
        }
        if template.invocation.arguments:
            invoked["UserArguments"] = dict(template.invocation.arguments)
        return {"LambdaInvoke": invoked}
    copying = template.copying.model_dump()
    if isinstance(manifest, ManifestRef):
        copying["StorageClass"] = copying["StorageClass"] or manifest.storage_class
    if request_payer:
        copying["RequesterPays"] = True
    keyed = bool(copying["SSEAwsKmsKeyId"])
    parameters = {
        name: value
        for name, value in copying.items()
        if value not in ("", None) and (name != "BucketKeyEnabled" or keyed)
    }
    return {"S3PutObjectCopy": {"TargetResource": pair.destination.arn, **parameters}}


def _report(template: Template, spot: StagingPrefix, place: BucketRef) -> dict[str, Any]:
    if not template.report.enabled:
        return {"Enabled": False}
    return {
        "Bucket": spot.arn_of(place),
        "Format": "Report_CSV_20180820",
        "Enabled": True,
        "Prefix": spot.prefix,
        "ReportScope": template.report.scope,
    }


def _generator(
    pair: Pair,
    template: Template,
    operation: Operation,
    spot: StagingPrefix,
    created_before: datetime | None,
    first: bool,
) -> dict[str, Any]:
    chosen = template.filter
    keys = {
        "MatchAnyPrefix": [*chosen.prefixes, *([pair.prefix] if pair.prefix and not chosen.prefixes else [])],
        "MatchAnySuffix": chosen.suffixes,
        "MatchAnySubstring": chosen.substrings,
    }
    before = parse_time(chosen.created_before) if chosen.created_before else created_before
    filters: dict[str, Any] = {
        "EligibleForReplication": operation is Operation.REPLICATE,
        "CreatedBefore": before,
        "ObjectReplicationStatuses": _statuses(chosen.statuses, first) if operation is Operation.REPLICATE else [],
        "CreatedAfter": parse_time(chosen.created_after) if chosen.created_after else None,
        "KeyNameConstraint": {name: value for name, value in keys.items() if value},
        "ObjectSizeGreaterThanBytes": chosen.larger_than_bytes,
        "ObjectSizeLessThanBytes": chosen.smaller_than_bytes,
        "MatchAnyStorageClass": chosen.storage_classes,
    }
    filters = {name: value for name, value in filters.items() if value}
    generator: dict[str, Any] = {
        "SourceBucket": pair.source.arn,
        "EnableManifestOutput": template.manifest.keep,
        "Filter": filters,
    }
    if pair.source.account_id:
        generator["ExpectedBucketOwner"] = pair.source.account_id
    if template.manifest.keep:
        generator["ManifestOutputLocation"] = {
            "Bucket": spot.arn_of(pair.source),
            "ManifestPrefix": spot.prefix,
            "ManifestFormat": _GENERATED,
        }
    return generator


def _statuses(chosen: Sequence[str], first: bool) -> list[str]:
    """Return the replication statuses that a job selects. COMPLETED and REPLICA show that S3 replicated an object, but
    not where to.

    A bucket with several destinations has one status for all of them (S3 user guide, "Getting replication status
    information").
    """
    return list(chosen) or (["NONE", "FAILED", "COMPLETED", "REPLICA"] if first else ["NONE", "FAILED"])


def _read(document: Mapping[str, Any], account_id: str, region: str) -> BatchJob:
    """Read a job of DescribeJob or ListJobs. The operation is a document in the first, and a name in the second."""
    progress = document.get("ProgressSummary") or {}
    operation = document.get("Operation") or ""
    reported = document.get("Report") or {}
    return BatchJob(
        job_id=document["JobId"],
        account_id=account_id,
        region=region,
        operation=operation if isinstance(operation, str) else next(iter(operation), ""),
        storage_class=_storage_class(operation),
        status=str(document.get("Status", "New")).capitalize(),
        total=int(progress.get("TotalNumberOfTasks") or 0),
        succeeded=int(progress.get("NumberOfTasksSucceeded") or 0),
        failed=int(progress.get("NumberOfTasksFailed") or 0),
        description=document.get("Description", ""),
        reasons=tuple(
            f"{why.get('FailureCode', '')}: {why.get('FailureReason', '')}"
            for why in document.get("FailureReasons") or ()
        ),
        report_bucket=str(reported.get("Bucket", "")).rpartition(":")[2] if reported.get("Enabled") else "",
        report_prefix=str(reported.get("Prefix", "")),
        active_s=float((progress.get("Timers") or {}).get("ElapsedTimeInActiveSeconds") or 0),
        created_at=document.get("CreationTime"),
    )


def _storage_class(operation: str | Mapping[str, Any]) -> str:
    copied = operation.get("S3PutObjectCopy", {}) if isinstance(operation, Mapping) else {}
    return str(copied.get("StorageClass", ""))
