"""The policy of `[[replicate]]`: read both buckets, switch replication on and verify it, create and follow jobs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from windlass.deploy.policies import emr
from windlass.deploy.policies.shared import estate, kms
from windlass.deploy.policy import PolicyFacts, PolicyIdentity, Statement, role_arn
from windlass.replication.config import ReplicateConfig
from windlass.replication.own_keys import OWN_PREFIX
from windlass.replication.planning.pairs import is_other_service, parse_location
from windlass.replication.setup.role import BATCH_SERVICE, REPLICATION_SERVICE
from windlass.settings import Settings

__all__ = ["statements"]

_READ_ACTIONS = (
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
_SWITCH_ON_ACTIONS = ("s3:PutReplicationConfiguration", "s3:PutBucketVersioning", "s3:PutBucketPolicy")
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
"""For direct copies: both buckets are read and written, including versions, as the canary needs."""


def statements(settings: Settings, facts: PolicyFacts, use: PolicyIdentity) -> Sequence[Statement]:  # noqa: ARG001  one use
    """Return the permissions to seed the sets, by any method."""
    sources, targets = _bucket_names(settings.replicate)
    every = tuple(facts.bucket(fromkey) for fromkey in dict.fromkeys([*sources, *targets]))
    grants = [
        *estate(settings, facts),
        Statement(
            "Count",
            ("cloudwatch:GetMetricData",),
            ("*",),
            "count the objects of large buckets; the action has no resource",
        ),
        Statement("FindBuckets", ("s3:ListAllMyBuckets",), ("*",), "find the buckets"),
        Statement(
            "FindJobs", ("s3:ListJobs", "s3:CreateJob"), ("*",), "list and create jobs; the actions have no resource"
        ),
        Statement("Jobs", _JOBS, (facts.arn("s3", "job/*", region="*"),), "tag, follow, confirm and cancel jobs"),
        *_staging(settings, facts, sources, targets),
        *_service_roles(settings, facts),
        *emr.statements(settings, facts),
    ]
    if every:
        grants += [
            Statement("Look", _READ_ACTIONS, every, "run preflight and list both buckets"),
            Statement("SwitchOn", _SWITCH_ON_ACTIONS, every, "switch replication on before anything is copied"),
            Statement(
                "LookAtKeys",
                ("kms:DescribeKey", "kms:GetKeyPolicy"),
                facts.keys or (facts.arn("kms", "key/*", region="*"),),
                "preflight reads the state and the policy of the buckets' keys",
            ),
            *_objects(settings.replicate, facts, sources, targets),
        ]
    return [*grants, *kms(facts, ("s3",))]


def _bucket_names(sets: Sequence[ReplicateConfig]) -> tuple[list[str], list[str]]:
    """Return names, or patterns of names, of sources and destinations."""
    sources, targets = [], []
    for config in sets:
        for left, right in config.pairs:
            sources.append(left)
            targets.append(right)
        if config.source or config.query:
            sources.append(config.source or "*")
            targets.append(_pattern(config.destination))
    return _aws_names(sources), _aws_names(targets)


def _aws_names(places: Sequence[str]) -> list[str]:
    """Return the names of AWS's buckets; a bucket of another service needs no permission of AWS."""
    return [
        place if "*" in place or "?" in place else parse_location(place)[0]
        for place in places
        if not is_other_service(place)
    ]


def _pattern(destination: str) -> str:
    """Return the IAM pattern of a destination: `{name}-replica` → `*-replica`."""
    parts = [piece.partition("}")[2] if at else piece for at, piece in enumerate(destination.split("{"))]
    return "*".join(parts)


def _objects(
    sets: Sequence[ReplicateConfig], facts: PolicyFacts, sources: Sequence[str], targets: Sequence[str]
) -> list[Statement]:
    read, write = (tuple(facts.objects(fromkey) for fromkey in dict.fromkeys(side)) for side in (sources, targets))
    grants = [
        Statement(
            "Canary",
            ("s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObjectVersion"),
            (*read, *write),
            "verify replication with a canary; preflight checks access to objects",
        ),
    ]
    if any(config.method in ("auto", "direct") for config in sets):
        owners = tuple(facts.bucket(fromkey) for fromkey in dict.fromkeys(targets))
        board = tuple(f"{owner}/{OWN_PREFIX}*" for owner in owners)
        carried = {attribute for config in sets for attribute in config.preserve}
        reading, writing = _attribute_actions(carried, versions=facts.versions)
        grants += [
            Statement(
                "ReadForCopies",
                reading,
                read,
                "read objects for direct copies, with tags and the attributes of `preserve`",
            ),
            Statement("WriteCopies", writing, write, "write direct copies"),
            Statement("Share", ("s3:DeleteObject",), board, "release the shards of a distributed seed"),
        ]
        if facts.restore:
            grants.append(
                Statement("Restore", ("s3:RestoreObject",), read, "restore archived objects before they are copied")
            )
        if facts.versions:
            grants.append(
                Statement("Markers", ("s3:DeleteObject",), write, "create delete markers in the order of versions")
            )
        if "acl" in carried:
            grants.append(
                Statement(
                    "OwnersOfCopies", ("s3:GetBucketAcl",), owners, "read the owner that an ACL's copy is granted to"
                )
            )
    return grants


def _attribute_actions(carried: Collection[str], *, versions: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the actions to read of each source and to write of each copy, beside their content."""
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


def _staging(settings: Settings, facts: PolicyFacts, sources: Sequence[str], targets: Sequence[str]) -> list[Statement]:
    """Return the permissions for manifests and reports: in `replication.staging`, else in the source bucket."""
    if settings.replication.staging:
        bucket, prefix = parse_location(settings.replication.staging)
        where = [facts.objects(bucket, prefix)]
    else:
        where = [f"{facts.bucket(fromkey)}/*windlass*" for fromkey in dict.fromkeys([*sources, *targets])]
    actions = ("s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload")
    return [Statement("Work", actions, tuple(where), "write manifests, read completion reports")] if where else []


def _service_roles(settings: Settings, facts: PolicyFacts) -> list[Statement]:
    named = [role for role in (settings.replication.role, settings.replication.replication_role) if role]
    ours = [facts.arn("iam", f"role/windlass-{kind}-*", region="") for kind in ("batch", "replication")]
    roles = tuple(dict.fromkeys([*(role_arn(facts, role) for role in named), *ours]))
    passed_to = {"StringEquals": {"iam:PassedToService": [BATCH_SERVICE, REPLICATION_SERVICE]}}
    policies = facts.arn("iam", "policy/*", region="")
    return [
        Statement("Roles", _ROLES, roles, "read service roles, and create them where none is named"),
        Statement(
            "AttachedPolicies",
            ("iam:GetPolicy", "iam:GetPolicyVersion"),
            (policies,),
            "read the permissions of a named role",
        ),
        Statement("PassRoles", ("iam:PassRole",), roles, "pass these roles to S3", passed_to),
    ]
