"""`[[replicate]]`: both sides are looked at, replication is switched on and proved, jobs are made and watched."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from windlass.deploy.policies import emr
from windlass.deploy.policies.shared import estate, kms
from windlass.deploy.policy import Facts, Statement, Use, role_arn
from windlass.replication.config import ReplicateConfig
from windlass.replication.own_keys import OWN_PREFIX
from windlass.replication.planning.pairs import is_other_service, parse_location
from windlass.replication.setup.role import BATCH_SERVICE, REPLICATION_SERVICE
from windlass.settings import Settings

__all__ = ["statements"]

_LOOK = (
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:GetReplicationConfiguration",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetBucketPolicy",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketVersioning",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketRequestPayment",
)
_SWITCH = ("s3:PutReplicationConfiguration", "s3:PutBucketVersioning", "s3:PutBucketPolicy")
_JOBS = ("s3:PutJobTagging", "s3:DescribeJob", "s3:UpdateJobStatus", "s3:GetJobTagging")
_ROLES = (
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:CreateRole",
    "iam:TagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:PutRolePolicy",
)

_READ = ("s3:GetObjectTagging",)
_WRITE = ("s3:PutObjectTagging", "s3:AbortMultipartUpload")
"""Of direct copies; both sides are read and written, versions too, as the canary needs it."""


def statements(settings: Settings, facts: Facts, use: Use) -> Sequence[Statement]:  # noqa: ARG001  one use
    """What seeding the sets needs, by whichever way."""
    sources, targets = _sides(settings.replicate)
    every = tuple(facts.bucket(one) for one in dict.fromkeys([*sources, *targets]))
    found = [
        *estate(settings, facts),
        Statement(
            "Count", ("cloudwatch:GetMetricData",), ("*",), "how many objects large buckets hold; it takes no resource"
        ),
        Statement("FindBuckets", ("s3:ListAllMyBuckets",), ("*",), "where the buckets are"),
        Statement(
            "FindJobs", ("s3:ListJobs", "s3:CreateJob"), ("*",), "jobs are listed and made; neither takes a resource"
        ),
        Statement(
            "Jobs", _JOBS, (facts.arn("s3", "job/*", region="*"),), "jobs are tagged, watched, confirmed, cancelled"
        ),
        *_work(settings, facts, sources, targets),
        *_service_roles(settings, facts),
        *emr.statements(settings, facts),
    ]
    if every:
        found += [
            Statement("Look", _LOOK, every, "preflight, and listing both sides"),
            Statement("SwitchOn", _SWITCH, every, "replication is switched on before anything is copied"),
            Statement(
                "LookAtKeys",
                ("kms:DescribeKey", "kms:GetKeyPolicy"),
                facts.keys or (facts.arn("kms", "key/*", region="*"),),
                "preflight reads the state and the policy of the buckets' keys",
            ),
            *_objects(settings.replicate, facts, sources, targets),
        ]
    return [*found, *kms(facts, ("s3",))]


def _sides(sets: Sequence[ReplicateConfig]) -> tuple[list[str], list[str]]:
    """Names, or patterns of names, of sources and destinations."""
    sources, targets = [], []
    for one in sets:
        for left, right in one.pairs:
            sources.append(left)
            targets.append(right)
        if one.source or one.query:
            sources.append(one.source or "*")
            targets.append(_pattern(one.destination))
    return _of_aws(sources), _of_aws(targets)


def _of_aws(places: Sequence[str]) -> list[str]:
    """Buckets' names; what another service has needs no permission of AWS's."""
    return [one if "*" in one or "?" in one else parse_location(one)[0] for one in places if not is_other_service(one)]


def _pattern(destination: str) -> str:
    """`{name}-replica` → `*-replica`."""
    parts = [piece.partition("}")[2] if at else piece for at, piece in enumerate(destination.split("{"))]
    return "*".join(parts)


def _objects(
    sets: Sequence[ReplicateConfig], facts: Facts, sources: Sequence[str], targets: Sequence[str]
) -> list[Statement]:
    read, write = (tuple(facts.objects(one) for one in dict.fromkeys(side)) for side in (sources, targets))
    found = [
        Statement(
            "Canary",
            ("s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObjectVersion"),
            (*read, *write),
            "a canary proves replication; preflight asks whether objects may be read and written",
        ),
    ]
    if any(one.method in ("auto", "direct") for one in sets):
        owners = tuple(facts.bucket(one) for one in dict.fromkeys(targets))
        board = tuple(f"{one}/{OWN_PREFIX}*" for one in owners)
        carried = {thing for one in sets for thing in one.preserve}
        reading, writing = _carrying(carried, versions=facts.versions)
        found += [
            Statement("ReadForCopies", reading, read, "direct copies take tags along, and what `carry` names"),
            Statement("WriteCopies", writing, write, "direct copies"),
            Statement("Share", ("s3:DeleteObject",), board, "workers that share a seed let its shards go"),
        ]
        if facts.restore:
            found.append(
                Statement(
                    "Restore", ("s3:RestoreObject",), read, "archived objects are restored before they are copied"
                )
            )
        if facts.versions:
            found.append(Statement("Markers", ("s3:DeleteObject",), write, "delete markers are made in their places"))
        if "acl" in carried:
            found.append(
                Statement("OwnersOfCopies", ("s3:GetBucketAcl",), owners, "to whom the owner's part of an ACL goes")
            )
    return found


def _carrying(carried: Collection[str], *, versions: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is read of each source, and written of each copy, besides their bytes."""
    reading, writing = list(_READ), list(_WRITE)
    if versions:
        reading.append("s3:GetObjectVersionTagging")
    if "acl" in carried:
        reading += ["s3:GetObjectAcl", *(["s3:GetObjectVersionAcl"] if versions else [])]
        writing.append("s3:PutObjectAcl")
    if "lock" in carried:
        reading += ["s3:GetObjectRetention", "s3:GetObjectLegalHold"]
        writing += ["s3:PutObjectRetention", "s3:PutObjectLegalHold"]
    return tuple(reading), tuple(writing)


def _work(settings: Settings, facts: Facts, sources: Sequence[str], targets: Sequence[str]) -> list[Statement]:
    """Manifests and reports: under `replication.staging`, else beside the job."""
    if settings.replication.staging:
        bucket, prefix = parse_location(settings.replication.staging)
        where = [facts.objects(bucket, prefix)]
    else:
        where = [f"{facts.bucket(one)}/*windlass*" for one in dict.fromkeys([*sources, *targets])]
    actions = ("s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload")
    return [Statement("Work", actions, tuple(where), "manifests are written, completion reports read")] if where else []


def _service_roles(settings: Settings, facts: Facts) -> list[Statement]:
    named = [one for one in (settings.replication.role, settings.replication.replication_role) if one]
    ours = [facts.arn("iam", f"role/windlass-{kind}-*", region="") for kind in ("batch", "replication")]
    roles = tuple(dict.fromkeys([*(role_arn(facts, one) for one in named), *ours]))
    passed = {"StringEquals": {"iam:PassedToService": [BATCH_SERVICE, REPLICATION_SERVICE]}}
    policies = facts.arn("iam", "policy/*", region="")
    return [
        Statement("Roles", _ROLES, roles, "service roles are read, and made where none is named"),
        Statement(
            "AttachedPolicies", ("iam:GetPolicy", "iam:GetPolicyVersion"), (policies,), "what a named role is allowed"
        ),
        Statement("PassRoles", ("iam:PassRole",), roles, "S3 works as these roles", passed),
    ]
