"""Preflight: causes that would make a seed fail, found before anything is written, each with its fix. Pure.

A finding has the failure code that S3 would return later (failures.py), so preflight and reports use the same words.
Permissions are evaluated from the documents that can be read. A fix shows the required policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from windlass.core.errors import AccessDenied, Conflict, NotFound, UsageError, WindlassError
from windlass.replication.model import Attribute, Method, Operation
from windlass.replication.planning.facts import BucketFacts, PairFacts
from windlass.replication.planning.finding import Fix, Intent, PreflightFinding, error_finding, warning_finding
from windlass.replication.planning.permissions import check_bucket_policies, check_crossing, check_keys, check_roles

__all__ = ["Fix", "Intent", "PreflightFinding", "check", "refusal"]

ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


def check(facts: PairFacts, intent: Intent) -> tuple[PreflightFinding, ...]:
    """Return all findings, errors first."""
    if not (facts.source.exists and facts.destination.exists):
        return tuple(_missing_buckets(facts))
    checks = _CHECKS_OF_OTHER_SERVICES if facts.pair.services else _CHECKS
    findings = [finding for run_check in checks for finding in run_check(facts, intent)]
    return tuple(sorted(findings, key=lambda finding: finding.level != "error"))


def refusal(facts: PairFacts, findings: Sequence[PreflightFinding]) -> WindlassError | None:
    """Return one error for a pair that cannot be seeded; None when it can."""
    errors = [finding for finding in findings if finding.level == "error"]
    if not errors:
        return None
    first = errors[0]
    kind: type[WindlassError] = Conflict
    if first.code in ("SrcBucketNotFound", "DstBucketNotFound"):
        kind = NotFound
    elif first.code in ("SameBucket", "CrossPartition"):
        kind = UsageError
    elif first.code.endswith("NotPermitted") or first.code == "AccessDenied":
        kind = AccessDenied
    rest = f" (and {len(errors) - 1} more: `windlass replicate preflight` lists them)" if len(errors) > 1 else ""
    return kind(f"{facts.pair.title}: {first.where}: {first.message}{rest}", hint=first.advice, code=first.code)


def _missing_buckets(facts: PairFacts) -> Iterator[PreflightFinding]:
    for side, code in ((facts.source, "SrcBucketNotFound"), (facts.destination, "DstBucketNotFound")):
        if not side.exists:
            yield error_finding(
                code,
                side.place().name,
                "the bucket does not exist",
                "Check its name. If it is the destination, create it first.",
            )


def _buckets(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    source, target = facts.source, facts.destination
    if source.bucket == target.bucket:
        yield error_finding(
            "SameBucket", source.bucket, "source and destination are the same bucket", "Name two buckets."
        )
    if source.partition != target.partition:
        yield error_finding(
            "CrossPartition",
            target.bucket,
            f"{source.partition} and {target.partition} are different partitions: S3 does not copy between partitions",
            "Seed within one partition. To cross partitions, use a program with credentials for both.",
        )
    for side, known, code in (
        (source, facts.pair.source.region, "SrcBucketInvalidRegion"),
        (target, facts.pair.destination.region, "DstBucketInvalidRegion"),
    ):
        if known and side.region and known != side.region:
            yield error_finding(
                code,
                side.bucket,
                f"it is in {side.region}, but the inventory has {known}",
                "Collect the inventory again.",
            )
    if intent.operation is Operation.REPLICATE and facts.rule is None and not intent.switch_on:
        yield error_finding("SrcBucketReplicationConfigMissing", source.bucket)


def _refused(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    """Report refused calls. Every method lists both sides; Windlass reads and writes objects only when it copies
    itself.
    """
    for side, ours in ((facts.source, "GetObject"), (facts.destination, "PutObject")):
        for operation, code in side.refused.items():
            if operation != "ListObjectsV2" and not (intent.method is Method.DIRECT and operation == ours):
                continue
            yield error_finding(
                "AccessDenied",
                side.place().name,
                f"{operation} is not allowed there ({code})",
                f"Grant it to the keys of [[service]] {side.service}."
                if side.service
                else "Grant it to the identity that `windlass whoami` shows, and check the bucket's policy.",
            )


def _versioning(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    if intent.operation is not Operation.REPLICATE or intent.enable_versioning:
        return
    advice = "Enable versioning (--enable-versioning does it first), or copy with --operation copy --no-switch-on."
    if facts.source.versioning != "Enabled":
        yield error_finding(
            "SrcBucketUnversioned", facts.source.bucket, "versioning is off; replication needs it", advice
        )
    if facts.destination.versioning != "Enabled":
        yield error_finding(
            "DstBucketUnversioned", facts.destination.bucket, "versioning is off; replication needs it", advice
        )


def _histories(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    """Check copies of versions: the destination must keep all versions."""
    if not intent.versions or intent.operation is not Operation.COPY:
        return
    enabled = intent.enable_versioning and intent.switch_on
    if facts.destination.versioning != "Enabled" and not enabled:
        yield error_finding(
            "DstBucketUnversioned",
            facts.destination.bucket,
            "versioning is off: copies of versions would replace each other",
            "Enable versioning on the destination first.",
        )
    if intent.method is Method.BATCH:
        yield warning_finding(
            "VersionOrder",
            facts.source.bucket,
            "S3 Batch Operations copies noncurrent versions in no particular order; only the current one is certain to be the last",
            "Use --method direct to keep the order of every history, and its delete markers.",
        )
    if facts.rule is not None and intent.method is Method.DIRECT:
        yield warning_finding(
            "SrcBucketReplicating",
            facts.source.bucket,
            "replication to the destination is on, so replicas of new writes are above older copies",
            "Only --operation replicate keeps older versions below replicas. Keys that are written during the seed are reported.",
        )


def _carried(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    """Check the attributes to preserve. A bucket outside the estate cannot be checked; S3 then reports each object."""
    target = facts.destination
    if not target.account_id:
        return
    if Attribute.ACL in intent.preserve and target.ownership == "BucketOwnerEnforced":
        yield error_finding("AccessControlListNotSupported", target.bucket)
    if Attribute.LOCK in intent.preserve and not target.locked:
        yield error_finding("DstBucketObjectLockConfigMissing", target.bucket)


def _lock(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    if facts.source.locked and not facts.destination.locked and intent.operation is Operation.REPLICATE:
        yield error_finding("DstBucketObjectLockConfigMissing", facts.destination.bucket)
    if facts.source.locked and intent.operation is Operation.COPY and Attribute.LOCK not in intent.preserve:
        yield warning_finding(
            "SrcObjectLock",
            facts.source.bucket,
            "Object Lock is on at the source, and copies do not keep retention and legal holds",
            "Add --preserve lock (--method direct), or make true replicas with --operation replicate.",
        )
    if facts.destination.locked and not facts.source.locked:
        yield warning_finding(
            "DstObjectLock",
            facts.destination.bucket,
            "Object Lock is on at the destination only, and its default retention applies to replicas",
            "Objects that are seeded by mistake cannot be deleted until their retention ends.",
        )


def _keys(facts: PairFacts, _: Intent) -> Iterator[PreflightFinding]:
    for side, code in ((facts.source, "SrcKmsKeyInvalidState"), (facts.destination, "DstKmsKeyInvalidState")):
        if side.key is None or side.key.state in ("", "Enabled"):
            continue
        if side.key.state == "Missing":
            yield error_finding(
                code if side is facts.source else "DstKmsKeyNotFound",
                side.bucket,
                f"its KMS key {side.key.arn} does not exist",
            )
        else:
            yield error_finding(code, side.bucket, f"its KMS key is {side.key.state}")


def _customer_keys(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    """Check objects with customer keys (SSE-C): S3 replicates them by itself, but copies them only with their key."""
    source, target = facts.source, facts.destination
    of_source, of_target = intent.customer_keys
    if source.customer_keyed and not of_source and intent.operation is Operation.COPY:
        yield warning_finding(
            "SrcCustomerKey",
            source.bucket,
            "objects have a customer key (SSE-C), and S3 copies them only with that key",
            "Name the key in [[replication.customer_keys]] and copy with --method direct: S3 Batch Operations accepts no keys.",
        )
    replicated = intent.operation is Operation.REPLICATE
    if target.blocks_customer_keys and (of_target if not replicated else of_source or source.customer_keyed):
        yield error_finding(
            "DstCustomerKeysBlocked",
            target.bucket,
            "the bucket refuses objects with customer keys (BlockedEncryptionTypes: SSE-C)",
            "Set BlockedEncryptionTypes to NONE in the bucket's default encryption, or configure no key for the destination.",
        )
    if replicated and of_target:
        yield warning_finding(
            "CustomerKeyUnused",
            target.bucket,
            "S3 replicates objects with their own customer keys, so the destination's key is not used",
            "Use --operation copy --method direct to write the copies with another key.",
        )


def _rule(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    rule = facts.rule
    if rule is None or intent.operation is not Operation.REPLICATE:
        return
    prefix = _prefix(rule)
    if prefix and not facts.pair.prefix.startswith(prefix):
        yield warning_finding(
            "SrcObjectNotEligible",
            facts.source.bucket,
            f"its rule replicates only {prefix}*: other objects are not eligible",
            "Widen the rule's filter, or seed with that prefix.",
        )
    selected = (rule.get("SourceSelectionCriteria") or {}).get("SseKmsEncryptedObjects") or {}
    if facts.source.key is not None and selected.get("Status") != "Enabled":
        yield warning_finding(
            "SrcObjectNotEligible",
            facts.source.bucket,
            "its rule excludes SSE-KMS objects",
            "Set SourceSelectionCriteria.SseKmsEncryptedObjects in the rule, with the replica's key.",
        )


def _objects(facts: PairFacts, intent: Intent) -> Iterator[PreflightFinding]:
    if intent.volume is not None and intent.volume.archived:
        yield warning_finding(
            "SrcObjectNotEligible",
            facts.source.bucket,
            f"{intent.volume.archived:,} objects are in Glacier: {_frozen_rule(intent)}",
            "Use --operation copy --method direct --restore DAYS; or restore them, then copy by any method: restored ones are found.",
        )
    for side in (facts.source, facts.destination):
        if side.expires:
            yield warning_finding(
                "Lifecycle",
                side.bucket,
                "lifecycle rules expire objects while the seed runs",
                "Pause them during the seed: an expired object's delete marker may be replicated before the object.",
            )
    if facts.source.ownership != "BucketOwnerEnforced" and intent.operation is Operation.REPLICATE:
        yield warning_finding(
            "SrcGetAclNotPermitted",
            facts.source.bucket,
            "ACLs are on: objects that another account owns cannot be replicated",
            "Set Object Ownership to BucketOwnerEnforced.",
        )
    if facts.source.requester_pays:
        crosses = facts.source.account_id != facts.destination.account_id
        if crosses and intent.operation is not Operation.REPLICATE and not intent.request_payer:
            yield error_finding(
                "RequesterPays",
                facts.source.bucket,
                "the requester pays, and Windlass does not agree to pay",
                "Set [replication] request_payer = true: the account that copies pays for reading it.",
            )
        else:
            yield warning_finding(
                "RequesterPays", facts.source.bucket, "requester pays", "The account that copies pays for reading it."
            )


def _frozen_rule(intent: Intent) -> str:
    if intent.operation is Operation.REPLICATE:
        return "S3 does not replicate objects of these storage classes"
    return "only restored ones can be read"


def _prefix(rule: Mapping[str, Any]) -> str:
    chosen = rule.get("Filter") or {}
    both = chosen.get("And") or {}
    return str(chosen.get("Prefix") or both.get("Prefix") or rule.get("Prefix") or "")


_CHECKS: tuple[Callable[[PairFacts, Intent], Iterator[PreflightFinding]], ...] = (
    _buckets,
    _refused,
    check_crossing,
    _versioning,
    _histories,
    _carried,
    _lock,
    _keys,
    _customer_keys,
    _rule,
    check_roles,
    check_bucket_policies,
    check_keys,
    _objects,
)
_CHECKS_OF_OTHER_SERVICES: tuple[Callable[[PairFacts, Intent], Iterator[PreflightFinding]], ...] = (_refused, _objects)
"""Checks for a pair with a bucket outside AWS: those that apply to any service. The other checks are for AWS on both
sides.
"""


def describe(side: BucketFacts) -> str:
    """Return a bucket's account, region, versioning and encryption in one line."""
    words = [side.account_id or "another account", side.region, f"versioning {side.versioning or 'off'}"]
    if side.key is not None:
        words.append("SSE-KMS")
    if side.locked:
        words.append("Object Lock")
    return ", ".join(words)
