"""The service roles of a seed: their trust policies, and the least permissions that they need. Pure.

Source: S3 user guide, "Granting permissions for Batch Operations", "Configuring an IAM role for S3 Batch Replication",
"Setting up permissions for live replication", "Replicating encrypted objects".
"""

from __future__ import annotations

from dataclasses import dataclass

from windlass.core.arns import format_arn, partition_of, via_service
from windlass.core.canonical import digest
from windlass.core.iam import Statement
from windlass.replication.model import BucketRef, Operation, Pair

__all__ = [
    "BATCH_SERVICE",
    "REPLICATION_SERVICE",
    "Encryption",
    "RoleScope",
    "agreement",
    "batch_statements",
    "replication_statements",
    "role_arn",
    "role_name",
    "trust_statement",
]

BATCH_SERVICE = "batchoperations.s3.amazonaws.com"
REPLICATION_SERVICE = "s3.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Encryption:
    """The KMS keys in use, by ARN; empty where none is."""

    source_key: str = ""
    destination_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleScope:
    """The buckets and prefixes of a job's manifest and report, and the operation of the job."""

    operation: Operation
    manifest_bucket: str = ""
    manifest_prefix: str = ""
    report_bucket: str = ""
    report_prefix: str = ""
    generated: bool = False
    versions: bool = False
    locked: bool = False
    function_arn: str = ""


def role_name(kind: str, pair: Pair) -> str:
    """Return the role's name, which is always the same for a pair: `windlass-batch-1f3a…`."""
    return f"windlass-{kind}-{digest([pair.source.bucket, pair.destination.bucket])[:16]}"


def role_arn(name: str, account_id: str, region: str) -> str:
    """Return the ARN of a role with this name."""
    return format_arn("iam", "", account_id, f"role/{name}", partition=partition_of(region))


def trust_statement(service: str) -> Statement:
    """Return the only statement of the trust policy."""
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}


def replication_statements(
    pair: Pair, *, encryption: Encryption = Encryption(), locked: bool = False, delete_markers: bool = False
) -> tuple[Statement, ...]:
    """Return the permissions of a replication role for this pair."""
    source, target = pair.source.arn, pair.destination.arn
    read = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
    write = ["s3:ReplicateObject", "s3:ReplicateTags"]
    if locked:
        read += ["s3:GetObjectRetention", "s3:GetObjectLegalHold"]
        write += ["s3:PutObjectRetention", "s3:PutObjectLegalHold"]
    if delete_markers:
        write += ["s3:ReplicateDelete"]
    if _crosses_accounts(pair):
        write += ["s3:ObjectOwnerOverrideToBucketOwner"]
    return (
        _allow(["s3:GetReplicationConfiguration", "s3:ListBucket"], source),
        _allow(read, f"{source}/*"),
        _allow(write, f"{target}/*"),
        *_kms(pair, encryption),
    )


def batch_statements(pair: Pair, work: RoleScope, encryption: Encryption = Encryption()) -> tuple[Statement, ...]:
    """Return the permissions of a batch job's role."""
    source, target = pair.source.arn, pair.destination.arn
    statements: list[Statement] = []
    if work.operation is Operation.REPLICATE:
        statements.append(_allow(["s3:InitiateReplication"], f"{source}/*"))
    elif work.operation is Operation.COPY:
        read = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectAcl"]
        write = ["s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl"]
        if work.versions:
            read += ["s3:GetObjectVersion", "s3:GetObjectVersionTagging", "s3:GetObjectVersionAcl"]
        if work.locked:
            read += ["s3:GetObjectRetention", "s3:GetObjectLegalHold"]
            write += ["s3:PutObjectRetention", "s3:PutObjectLegalHold"]
        statements += [_allow(["s3:ListBucket"], source), _allow(read, f"{source}/*"), _allow(write, f"{target}/*")]
        statements += _kms(pair, encryption)
    else:
        statements.append(_allow(["lambda:InvokeFunction"], work.function_arn, f"{work.function_arn}:*"))
    if work.generated:
        reads = ["s3:GetReplicationConfiguration"] if work.operation is Operation.REPLICATE else []
        statements.append(_allow([*reads, "s3:PutInventoryConfiguration"], source))
    if work.manifest_bucket:
        place = f"{_bucket(pair, work.manifest_bucket)}/{work.manifest_prefix}*"
        statements.append(
            _allow(["s3:GetObject", "s3:GetObjectVersion", *(["s3:PutObject"] if work.generated else [])], place)
        )
    if work.report_bucket:
        statements.append(_allow(["s3:PutObject"], f"{_bucket(pair, work.report_bucket)}/{work.report_prefix}*"))
    return tuple(statements)


def agreement(
    pair: Pair, operation: Operation, principal: str, *, delete_markers: bool = False
) -> tuple[BucketRef, tuple[Statement, ...]] | None:
    """For pairs across accounts, return the bucket whose policy must allow the role, and the statements. None within
    one account.

    A replication rule's role belongs to the source's account, and writes. A copy job's role belongs to the
    destination's account, and reads. When the destination is outside the estate, the job belongs to the source's
    account, and writes.
    """
    if not _crosses_accounts(pair) or operation is Operation.LAMBDA:
        return None
    mark = digest([pair.source.bucket, pair.destination.bucket])[:8]
    if operation is Operation.COPY and pair.destination.account_id:
        names = [
            "s3:GetObject",
            "s3:GetObjectTagging",
            "s3:GetObjectAcl",
            "s3:GetObjectVersion",
            "s3:GetObjectVersionTagging",
        ]
        return pair.source, (
            _granted(f"WindlassRead{mark}", principal, names, f"{pair.source.arn}/*"),
            _granted(f"WindlassList{mark}", principal, ["s3:ListBucket"], pair.source.arn),
        )
    names = ["s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl"]
    if operation is Operation.REPLICATE:
        names = ["s3:ReplicateObject", "s3:ReplicateTags", "s3:ObjectOwnerOverrideToBucketOwner"]
        names += ["s3:ReplicateDelete"] if delete_markers else []
    return pair.destination, (_granted(f"WindlassWrite{mark}", principal, names, f"{pair.destination.arn}/*"),)


def _granted(sid: str, principal: str, actions: list[str], resource: str) -> Statement:
    return {"Sid": sid, "Principal": {"AWS": principal}, **_allow(actions, resource)}


def _crosses_accounts(pair: Pair) -> bool:
    return pair.source.account_id != pair.destination.account_id


def _bucket(pair: Pair, name: str) -> str:
    return format_arn("s3", "", "", name, partition=partition_of(pair.source.region))


def _kms(pair: Pair, encryption: Encryption) -> list[Statement]:
    """Return the statements that allow the use of KMS keys, through S3 only."""
    statements: list[Statement] = []
    for key, actions, region in (
        (encryption.source_key, ["kms:Decrypt"], pair.source.region),
        (encryption.destination_key, ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"], pair.destination.region),
    ):
        if key:
            through = {"StringLike": {"kms:ViaService": via_service("s3", region)}}
            statements.append({**_allow(actions, key), "Condition": through})
    return statements


def _allow(actions: list[str], *resources: str) -> Statement:
    return {"Effect": "Allow", "Action": actions, "Resource": resources[0] if len(resources) == 1 else list(resources)}
