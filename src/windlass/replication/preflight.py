"""Everything that would make a seed fail, found before anything is written, each with its fix. Pure.

A finding carries the failure code that S3 would answer with later (failures.py), so that preflight and reports speak the
same words. Permissions are judged from the documents that could be read; a fix shows the policy as it must become.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from windlass.core.errors import AccessRefused, Conflict, NotFound, UsageError, WindlassError
from windlass.replication.facts import BucketFacts, PairFacts, RoleFacts
from windlass.replication.failures import explain
from windlass.replication.model import Carry, Operation, Volume, Way
from windlass.replication.policy import Statement, difference, document, merged, missing, trusts
from windlass.replication.role import (
    BATCH_SERVICE,
    REPLICATION_SERVICE,
    Work,
    agreement,
    batch_statements,
    replication_statements,
    trust_statement,
)

__all__ = ["Finding", "Fix", "Intent", "check", "refusal"]

ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
_CODES_OF_ACTIONS = {
    "s3:GetObjectVersionForReplication": ("SrcGetObjectNotPermitted", "SrcHeadObjectNotPermitted"),
    "s3:GetObjectVersionAcl": ("SrcGetAclNotPermitted",),
    "s3:GetObjectVersionTagging": ("SrcGetTaggingNotPermitted",),
    "s3:GetObjectRetention": ("SrcGetRetentionNotPermitted",),
    "s3:GetObjectLegalHold": ("SrcGetLegalHoldNotPermitted",),
    "s3:PutObjectRetention": ("DstPutRetentionNotPermitted",),
    "s3:PutObjectLegalHold": ("DstPutLegalHoldNotPermitted",),
    "s3:ReplicateObject": (
        "DstPutObjectNotPermitted", "DstPutAclNotPermitted", "DstMultipartInitNotPermitted",
        "DstMultipartUploadNotPermitted", "DstMultipartCompleteNotPermitted",
    ),
    "s3:ReplicateTags": ("DstPutTaggingNotPermitted",),
    "s3:ReplicateDelete": ("DstDelObjNotPermitted",),
    "s3:ObjectOwnerOverrideToBucketOwner": ("DstPutObjectNotPermitted",),
    "s3:InitiateReplication": ("InitiateReplicationNotPermitted",),
    "kms:Decrypt": ("SrcGetObjectNotPermitted",),
    "kms:Encrypt": ("DstPutObjectNotPermitted",),
    "kms:GenerateDataKey": ("DstPutObjectNotPermitted",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fix:
    """A policy as it is and as it must become; `name` says which (`role/windlass-batch-1f3a`, `bucket policy of logs`)."""

    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The difference, as a unified diff."""
        return difference(self.before, self.after, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that will fail (`error`) or may surprise (`warning`): on which bucket or role, why, and what to do."""

    level: str
    code: str
    where: str
    message: str
    advice: str
    fix: Fix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is going to be done with a pair."""

    operation: Operation
    way: Way = Way.BATCH
    switch_on: bool = True
    enable_versioning: bool = False
    delete_markers: bool = False
    work: Work | None = None
    volume: Volume | None = None
    versions: bool = False
    carry: frozenset[Carry] = frozenset()


def check(facts: PairFacts, intent: Intent) -> tuple[Finding, ...]:
    """All findings, errors first."""
    if not (facts.source.exists and facts.destination.exists):
        return tuple(_missing_buckets(facts))
    looks = _LOOKS_ELSEWHERE if facts.pair.services else _LOOKS
    found = [one for look in looks for one in look(facts, intent)]
    return tuple(sorted(found, key=lambda one: one.level != "error"))


def refusal(facts: PairFacts, findings: Sequence[Finding]) -> WindlassError | None:
    """The one clear error for a pair that can't be seeded; None when it can."""
    errors = [one for one in findings if one.level == "error"]
    if not errors:
        return None
    first = errors[0]
    kind: type[WindlassError] = Conflict
    if first.code in ("SrcBucketNotFound", "DstBucketNotFound"):
        kind = NotFound
    elif first.code in ("SameBucket", "CrossPartition"):
        kind = UsageError
    elif first.code.endswith("NotPermitted") or first.code == "AccessDenied":
        kind = AccessRefused
    rest = f" (and {len(errors) - 1} more: `windlass replicate preflight` lists them)" if len(errors) > 1 else ""
    return kind(f"{facts.pair.title}: {first.where}: {first.message}{rest}", hint=first.advice, code=first.code)


def _error(code: str, where: str, message: str = "", advice: str = "", fix: Fix | None = None) -> Finding:
    known = explain(code)
    return Finding(
        level="error", code=code, where=where, message=message or known.meaning, advice=advice or known.advice, fix=fix
    )


def _warning(code: str, where: str, message: str, advice: str) -> Finding:
    return Finding(level="warning", code=code, where=where, message=message, advice=advice)


def _missing_buckets(facts: PairFacts) -> Iterator[Finding]:
    for side, code in ((facts.source, "SrcBucketNotFound"), (facts.destination, "DstBucketNotFound")):
        if not side.exists:
            yield _error(
                code,
                side.place().name,
                "there is no such bucket",
                "Check its name; create it first if it is the destination.",
            )


def _buckets(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    source, target = facts.source, facts.destination
    if source.bucket == target.bucket:
        yield _error("SameBucket", source.bucket, "source and destination are the same bucket", "Name two buckets.")
    if source.partition != target.partition:
        yield _error(
            "CrossPartition", target.bucket, f"{source.partition} and {target.partition} are two partitions: S3 copies nothing across",
            "Seed within one partition; what must cross goes through a program with credentials of both.",
        )  # fmt: skip
    for side, known, code in (
        (source, facts.pair.source.region, "SrcBucketInvalidRegion"),
        (target, facts.pair.destination.region, "DstBucketInvalidRegion"),
    ):
        if known and side.region and known != side.region:
            yield _error(code, side.bucket, f"it is in {side.region}, not in {known}", "Collect the inventory anew.")
    if intent.operation is Operation.REPLICATE and facts.rule is None and not intent.switch_on:
        yield _error("SrcBucketReplicationConfigMissing", source.bucket)


def _refused(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    """What dry calls met: everybody lists both sides; reading and writing is ours only where we are the ones who copy."""
    for side, ours in ((facts.source, "GetObject"), (facts.destination, "PutObject")):
        for operation, code in side.refused.items():
            if operation != "ListObjectsV2" and not (intent.way is Way.DIRECT and operation == ours):
                continue
            yield _error(
                "AccessDenied", side.place().name, f"we may not {operation} there ({code})",
                f"Grant it to the keys of [[service]] {side.service}." if side.service else
                "Grant it to the identity that `windlass whoami` shows, or look at the bucket's policy.",
            )  # fmt: skip


def _versioning(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    if intent.operation is not Operation.REPLICATE or intent.enable_versioning:
        return
    advice = "Enable versioning (--enable-versioning does it first), or copy with --operation copy --no-switch-on."
    if facts.source.versioning != "Enabled":
        yield _error("SrcBucketUnversioned", facts.source.bucket, "versioning is off; replication needs it", advice)
    if facts.destination.versioning != "Enabled":
        yield _error(
            "DstBucketUnversioned", facts.destination.bucket, "versioning is off; replication needs it", advice
        )


def _histories(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    """Copies of versions: the destination must keep them all."""
    if not intent.versions or intent.operation is not Operation.COPY:
        return
    enabled = intent.enable_versioning and intent.switch_on
    if facts.destination.versioning != "Enabled" and not enabled:
        yield _error(
            "DstBucketUnversioned", facts.destination.bucket, "versioning is off: copies of versions would replace each other",
            "Enable versioning on the destination first.",
        )  # fmt: skip
    if facts.rule is not None and intent.way is Way.DIRECT:
        yield _warning(
            "SrcBucketReplicating", facts.source.bucket, "replication to the destination is on: replicas come on top of copies",
            "Older versions are put beneath replicas by --operation replicate only; keys that are written meanwhile are told.",
        )  # fmt: skip


def _carried(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    """What copies shall carry: a stranger's bucket does not tell whether it takes it, and S3 says so then of each object."""
    target = facts.destination
    if not target.account_id:
        return
    if Carry.ACL in intent.carry and target.ownership == "BucketOwnerEnforced":
        yield _error("AccessControlListNotSupported", target.bucket)
    if Carry.LOCK in intent.carry and not target.locked:
        yield _error("DstBucketObjectLockConfigMissing", target.bucket)


def _lock(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    if facts.source.locked and not facts.destination.locked and intent.operation is Operation.REPLICATE:
        yield _error("DstBucketObjectLockConfigMissing", facts.destination.bucket)
    if facts.destination.locked and not facts.source.locked:
        yield _warning(
            "DstObjectLock", facts.destination.bucket, "Object Lock at the destination only: its default retention holds replicas",
            "What is seeded by mistake stays until its retention ends.",
        )  # fmt: skip


def _keys(facts: PairFacts, _: Intent) -> Iterator[Finding]:
    for side, code in ((facts.source, "SrcKmsKeyInvalidState"), (facts.destination, "DstKmsKeyInvalidState")):
        if side.key is None or side.key.state in ("", "Enabled"):
            continue
        if side.key.state == "Missing":
            yield _error(
                code if side is facts.source else "DstKmsKeyNotFound",
                side.bucket,
                f"its KMS key {side.key.arn} is not there",
            )
        else:
            yield _error(code, side.bucket, f"its KMS key is {side.key.state}")


def _rule(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    rule = facts.rule
    if rule is None or intent.operation is not Operation.REPLICATE:
        return
    prefix = _prefix(rule)
    if prefix and not facts.pair.prefix.startswith(prefix):
        yield _warning(
            "SrcObjectNotEligible", facts.source.bucket, f"its rule replicates {prefix}* only: other objects are not eligible",
            "Widen the rule's filter, or seed with that prefix.",
        )  # fmt: skip
    selected = (rule.get("SourceSelectionCriteria") or {}).get("SseKmsEncryptedObjects") or {}
    if facts.source.key is not None and selected.get("Status") != "Enabled":
        yield _warning(
            "SrcObjectNotEligible", facts.source.bucket, "its rule leaves SSE-KMS objects out",
            "Set SourceSelectionCriteria.SseKmsEncryptedObjects in the rule, with the replica's key.",
        )  # fmt: skip


def _objects(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    if intent.volume is not None and intent.volume.frozen:
        yield _warning(
            "SrcObjectNotEligible", facts.source.bucket, f"{intent.volume.frozen:,} objects are in Glacier: no way can read them",
            "Restore them first (S3InitiateRestoreObject), then seed again.",
        )  # fmt: skip
    if facts.destination.expires or facts.source.expires:
        yield _warning(
            "Lifecycle", facts.source.bucket, "lifecycle rules expire objects while the seed runs",
            "Pause them for the time of the seed: an expired object's delete marker may arrive before the object.",
        )  # fmt: skip
    if facts.source.ownership != "BucketOwnerEnforced" and intent.operation is Operation.REPLICATE:
        yield _warning(
            "SrcGetAclNotPermitted", facts.source.bucket, "ACLs are on: objects that another account owns can't be replicated",
            "Set Object Ownership to BucketOwnerEnforced.",
        )  # fmt: skip
    if facts.source.requester_pays:
        yield _warning("RequesterPays", facts.source.bucket, "requester pays", "This account pays for reading it.")


def _roles(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    """Roles that exist and are kept; those that are made get what they need."""
    placed = facts.placed
    if intent.operation is Operation.REPLICATE and facts.replication_role is not None:
        needed = replication_statements(
            placed, encryption=facts.encryption, locked=facts.source.locked, delete_markers=intent.delete_markers
        )
        yield from _role(facts.replication_role, REPLICATION_SERVICE, needed)
    if intent.way is Way.BATCH and intent.work is not None and facts.batch_role is not None:
        yield from _role(facts.batch_role, BATCH_SERVICE, batch_statements(placed, intent.work, facts.encryption))


def _role(role: RoleFacts, service: str, needed: Sequence[Statement]) -> Iterator[Finding]:
    name = role.arn.partition(":role/")[2] or role.arn
    if not role.readable:
        yield _warning(
            "RoleUnread", name, "its policies can't be read", "Grant iam:GetRole, iam:ListRolePolicies … to check it."
        )
        return
    if not role.found:
        yield _error(
            "AssumeRoleNotPermitted", name, "there is no such role", "Name one that exists, or let Windlass make one."
        )
        return
    if not trusts(role.trust, service):
        after = merged(role.trust or None, [trust_statement(service)])
        yield _error(
            "AssumeRoleNotPermitted",
            name,
            f"{service} may not assume it",
            fix=Fix(f"trust policy of {name}", role.trust or None, after),
        )
    lacking = missing(role.policies, needed)
    if lacking:
        yield from _lacking(name, lacking, Fix(f"policy of {name}", None, document(lacking)))


def _lacking(where: str, lacking: Sequence[Statement], fix: Fix) -> Iterator[Finding]:
    """One finding per code: what S3 would say of it, with the fix for all."""
    said: dict[str, list[str]] = {}
    for statement in lacking:
        for action in statement["Action"]:
            for code in _CODES_OF_ACTIONS.get(action, ("AccessDenied",)):
                said.setdefault(code, []).append(action)
    for code, actions in said.items():
        yield _error(code, where, f"{', '.join(dict.fromkeys(actions))} is not allowed", fix=fix)


def _bucket_policies(facts: PairFacts, intent: Intent) -> Iterator[Finding]:
    """Across accounts the other bucket must agree; where its account is ours, Windlass adds that: it is among the writes."""
    placed = facts.placed
    role = facts.replication_role if intent.operation is Operation.REPLICATE else facts.batch_role
    principal = role.arn if role is not None else f"arn:{facts.source.partition}:iam::{placed.source.account_id}:root"
    agreed = agreement(placed, intent.operation, principal, delete_markers=intent.delete_markers)
    if agreed is None or agreed[0].account_id:
        return
    place, needed = agreed
    held = (facts.source if place == placed.source else facts.destination).policy
    lacking = missing([held] if held else [], needed, principal)
    if lacking:
        yield from _lacking(place.bucket, lacking, Fix(f"bucket policy of {place.bucket}", held, merged(held, needed)))


def _prefix(rule: Mapping[str, Any]) -> str:
    chosen = rule.get("Filter") or {}
    both = chosen.get("And") or {}
    return str(chosen.get("Prefix") or both.get("Prefix") or rule.get("Prefix") or "")


_LOOKS: tuple[Callable[[PairFacts, Intent], Iterator[Finding]], ...] = (
    _buckets, _refused, _versioning, _histories, _carried, _lock, _keys, _rule, _roles, _bucket_policies, _objects,
)  # fmt: skip
_LOOKS_ELSEWHERE: tuple[Callable[[PairFacts, Intent], Iterator[Finding]], ...] = (_refused, _objects)
"""Where a side is no bucket of AWS: what can be known of any service. The rest is about AWS on both sides."""


def describe(side: BucketFacts) -> str:
    """A bucket in a line: account, region, versioning, encryption."""
    words = [side.account_id or "another account", side.region, f"versioning {side.versioning or 'off'}"]
    if side.key is not None:
        words.append("SSE-KMS")
    if side.locked:
        words.append("Object Lock")
    return ", ".join(words)
