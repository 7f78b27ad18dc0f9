"""Permissions of a seed: roles, bucket policies and key policies, checked against the calls and the callers of the
seed. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from windlass.core.arns import format_arn, partition_of
from windlass.core.iam import Statement, document, merged, missing, trusts, uncertain
from windlass.replication.model import Method, Operation
from windlass.replication.planning.facts import PairFacts, RoleFacts
from windlass.replication.planning.finding import Fix, Intent, PreflightFinding, error_finding, warning_finding
from windlass.replication.setup.role import (
    BATCH_SERVICE,
    REPLICATION_SERVICE,
    agreement,
    batch_statements,
    replication_statements,
    role_arn,
    role_name,
    trust_statement,
)

__all__ = ["check_bucket_policies", "check_crossing", "check_keys", "check_roles"]

_CODES_OF_ACTIONS = {
    "s3:GetObjectVersionForReplication": ("SrcGetObjectNotPermitted", "SrcHeadObjectNotPermitted"),
    "s3:GetObjectVersionAcl": ("SrcGetAclNotPermitted",),
    "s3:GetObjectVersionTagging": ("SrcGetTaggingNotPermitted",),
    "s3:GetObjectRetention": ("SrcGetRetentionNotPermitted",),
    "s3:GetObjectLegalHold": ("SrcGetLegalHoldNotPermitted",),
    "s3:PutObjectRetention": ("DstPutRetentionNotPermitted",),
    "s3:PutObjectLegalHold": ("DstPutLegalHoldNotPermitted",),
    "s3:ReplicateObject": (
        "DstPutObjectNotPermitted",
        "DstPutAclNotPermitted",
        "DstMultipartInitNotPermitted",
        "DstMultipartUploadNotPermitted",
        "DstMultipartCompleteNotPermitted",
    ),
    "s3:ReplicateTags": ("DstPutTaggingNotPermitted",),
    "s3:ReplicateDelete": ("DstDelObjNotPermitted",),
    "s3:ObjectOwnerOverrideToBucketOwner": ("DstPutObjectNotPermitted",),
    "s3:InitiateReplication": ("InitiateReplicationNotPermitted",),
    "kms:Decrypt": ("SrcGetObjectNotPermitted",),
    "kms:Encrypt": ("DstPutObjectNotPermitted",),
    "kms:GenerateDataKey": ("DstPutObjectNotPermitted",),
}


def check_crossing(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    """Check direct copies between two accounts of the estate: the destination's account copies, so the source must
    allow it.
    """
    if intent.method is not Method.DIRECT or not facts.source_refused:
        return
    placed = facts.placed
    principal = format_arn(
        "iam", "", placed.destination.account_id, "root", partition=partition_of(placed.destination.region)
    )
    agreed = agreement(placed, Operation.COPY, principal)
    needed = agreed[1] if agreed is not None else ()
    calls = ", ".join(facts.source_refused)
    yield error_finding(
        "AccessDenied",
        facts.source.bucket,
        f"account {placed.destination.account_id}, which makes the copies, may not call {calls} on it",
        f"Allow it in the policy of {facts.source.bucket}; its own identity needs s3:GetObject and s3:GetObjectTagging there, too.",
        Fix(f"bucket policy of {facts.source.bucket}", facts.source.policy, merged(facts.source.policy, needed)),
    )


def check_roles(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    """Check existing roles. Roles that Windlass creates get the permissions they need."""
    placed = facts.placed
    if intent.operation is Operation.REPLICATE and facts.replication_role is not None:
        needed = replication_statements(
            placed, encryption=facts.encryption, locked=facts.source.locked, delete_markers=intent.delete_markers
        )
        yield from _role(facts.replication_role, REPLICATION_SERVICE, needed)
    if intent.method is Method.BATCH and intent.work is not None and facts.batch_role is not None:
        yield from _role(facts.batch_role, BATCH_SERVICE, batch_statements(placed, intent.work, facts.encryption))


def _role(role: RoleFacts, service: str, needed: Sequence[Statement]) -> Iterator[PreflightFinding]:
    name = role.arn.partition(":role/")[2] or role.arn
    if not role.readable:
        yield warning_finding(
            "RoleUnread", name, "its policies cannot be read", "Grant iam:GetRole, iam:ListRolePolicies … to check it."
        )
        return
    if not role.found:
        yield error_finding(
            "AssumeRoleNotPermitted",
            name,
            "the role does not exist",
            "Name an existing role, or let Windlass create one.",
        )
        return
    if not trusts(role.trust, service):
        after = merged(role.trust or None, [trust_statement(service)])
        yield error_finding(
            "AssumeRoleNotPermitted",
            name,
            f"{service} may not assume it",
            fix=Fix(f"trust policy of {name}", role.trust or None, after),
        )
    yield from _unknown(name, uncertain(role.policies, needed))
    missing_statements = missing(role.policies, needed)
    if missing_statements:
        yield from _missing_findings(
            name, missing_statements, Fix(f"policy of {name}", None, document(missing_statements))
        )


def _missing_findings(where: str, missing_statements: Sequence[Statement], fix: Fix) -> Iterator[PreflightFinding]:
    """Yield one finding per code: what S3 would answer, with one fix for all."""
    actions_by_code: dict[str, list[str]] = {}
    for statement in missing_statements:
        for action in statement["Action"]:
            for code in _CODES_OF_ACTIONS.get(action, ("AccessDenied",)):
                actions_by_code.setdefault(code, []).append(action)
    for code, actions in actions_by_code.items():
        yield error_finding(code, where, f"{', '.join(dict.fromkeys(actions))} is not allowed", fix=fix)


def _unknown(where: str, statements: Sequence[Statement]) -> Iterator[PreflightFinding]:
    """Report permissions that cannot be evaluated here as unknown: they are not an all-clear."""
    actions = dict.fromkeys(action for statement in statements for action in statement["Action"])
    if actions:
        yield warning_finding(
            "PolicyUnknown",
            where,
            f"unknown whether {', '.join(actions)} is allowed: it depends on conditions or identities",
            "Seed one object first (--prefix), or evaluate the call with its conditions in IAM's policy simulator.",
        )


def check_bucket_policies(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    """Check the other bucket's policy for pairs across accounts. In accounts of the estate, the seed adds the
    statement.
    """
    placed = facts.placed
    role = facts.replication_role if intent.operation is Operation.REPLICATE else facts.batch_role
    principal = role.arn if role is not None else f"arn:{facts.source.partition}:iam::{placed.source.account_id}:root"
    agreed = agreement(placed, intent.operation, principal, delete_markers=intent.delete_markers)
    if agreed is None or agreed[0].account_id:
        return
    place, needed = agreed
    held = (facts.source if place == placed.source else facts.destination).policy
    yield from _unknown(place.bucket, uncertain([held] if held else [], needed, principal))
    missing_statements = missing([held] if held else [], needed, principal)
    if missing_statements:
        yield from _missing_findings(
            place.bucket, missing_statements, Fix(f"bucket policy of {place.bucket}", held, merged(held, needed))
        )


def check_keys(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    """Check that key policies allow the users of the key. Policies that cannot be read are skipped."""
    principal = _caller(facts, intent)
    for side, actions in (
        (facts.source, ["kms:Decrypt"]),
        (facts.destination, ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"]),
    ):
        if side.key is None or side.key.policy is None or not principal:
            continue
        needed: list[Statement] = [
            {
                "Sid": "WindlassReplication",
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": actions,
                "Resource": side.key.arn,
            }
        ]
        name = f"key policy of {side.key.arn.rpartition('/')[2]}"
        yield from _unknown(name, uncertain([side.key.policy], needed, principal))
        missing_statements = missing([side.key.policy], needed, principal)
        if missing_statements:
            added = [{**needed[0], "Resource": "*"}]
            yield from _missing_findings(
                name, missing_statements, Fix(name, side.key.policy, merged(side.key.policy, added))
            )


def _caller(facts: PairFacts, intent: Intent) -> str:
    """Return the ARN that reads and writes the objects: a service's role, or the account of the identity that copies
    directly.
    """
    pair = facts.placed
    if intent.operation is Operation.REPLICATE:
        known, kind, place = facts.replication_role, "replication", pair.source
    elif intent.method is Method.BATCH and intent.operation is Operation.COPY:
        known, kind = facts.batch_role, f"batch-{intent.operation}"
        place = pair.destination if pair.destination.account_id else pair.source
    elif intent.method is Method.DIRECT:
        account_id = pair.destination.account_id or pair.source.account_id
        return (
            format_arn("iam", "", account_id, "root", partition=partition_of(pair.source.region)) if account_id else ""
        )
    else:
        return ""
    return known.arn if known is not None else role_arn(role_name(kind, pair), place.account_id, place.region)
