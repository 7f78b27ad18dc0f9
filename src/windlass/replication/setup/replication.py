"""Replication is switched on before objects are copied, so that every object is in the manifest or under the rule.

The writes are effects. Then a canary object proves that the rule works: it must be replicated. The time at which the
canary was written is the cutoff: the seed copies older objects with status NONE or FAILED, and the rule replicates all
later writes.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windlass.core.arns import format_arn
from windlass.core.canonical import digest
from windlass.core.errors import AwsError, Conflict, Interrupted, WindlassError
from windlass.core.iam import document, merged, missing
from windlass.estate.service import Estate
from windlass.replication.config import ReplicationConfig
from windlass.replication.effects import Effect
from windlass.replication.failures import explain
from windlass.replication.model import BucketRef, Operation, Pair
from windlass.replication.own_keys import OWN_PREFIX
from windlass.replication.planning.facts import PairFacts, RoleFacts
from windlass.replication.planning.preflight import Intent
from windlass.replication.setup.role import (
    REPLICATION_SERVICE,
    agreement,
    replication_statements,
    role_arn,
    role_name,
    trust_statement,
)

__all__ = ["Canary", "agreement_effects", "prove", "role_effects", "switch_effects"]

_AGAIN_S = 30.0


def switch_effects(
    facts: PairFacts, intent: Intent, config: ReplicationConfig, held: RoleFacts | None = None
) -> tuple[Effect, ...]:
    """Return the writes that switch replication on for a pair; none when a live rule exists.

    `held` is the role of the source's other rules, if there are any: a bucket has one role for all its rules.
    """
    pair = facts.placed
    writes = list(_versioning(facts)) if intent.enable_versioning else []
    if facts.rule is not None:
        return tuple(writes)
    statements = replication_statements(
        pair, encryption=facts.encryption, locked=facts.source.locked, delete_markers=intent.delete_markers
    )
    arn = facts.source.replication_role or config.replication_role
    if not arn:
        name = role_name("replication", pair)
        arn = role_arn(name, pair.source.account_id, pair.source.region)
        writes += role_effects(pair.source, name, REPLICATION_SERVICE, statements, f"replicate {pair.title}")
    elif held is not None and held.found and held.readable and missing(held.policies, statements):
        writes.append(
            Effect(
                account_id=pair.source.account_id,
                region=pair.source.region,
                service="iam",
                operation="PutRolePolicy",
                params={
                    "RoleName": arn.rpartition("/")[2],
                    "PolicyName": role_name("replication", pair),
                    "PolicyDocument": json.dumps(document(statements)),
                },
                why="the role of the source's other rules must reach this destination, too",
            )
        )
    writes += agreement_effects(facts, Operation.REPLICATE, arn, delete_markers=intent.delete_markers)
    writes.append(
        Effect(
            account_id=pair.source.account_id,
            region=pair.source.region,
            service="s3",
            operation="PutBucketReplication",
            params={"Bucket": pair.source.bucket, "ReplicationConfiguration": _configuration(facts, arn, intent)},
            why="switch replication on before anything is copied",
            settles=True,
        )
    )
    return tuple(writes)


def role_effects(place: BucketRef, name: str, service: str, statements: Any, why: str) -> list[Effect]:
    """Return the writes of a role that the service may assume, with exactly these statements. An existing role is
    updated.
    """
    trust = json.dumps(document([trust_statement(service)]))

    def effect(operation: str, **params: Any) -> Effect:
        return Effect(
            account_id=place.account_id,
            region=place.region,
            service="iam",
            operation=operation,
            params={"RoleName": name, **params},
            why=f"a least-privilege role to {why}",
            already=("EntityAlreadyExists",),
        )

    return [
        effect(
            "CreateRole",
            AssumeRolePolicyDocument=trust,
            Description=f"Windlass: to {why}"[:1000].replace("→", "to"),
            Tags=[{"Key": "windlass", "Value": "replication"}],
        ),
        effect("UpdateAssumeRolePolicy", PolicyDocument=trust),
        effect("PutRolePolicy", PolicyName="windlass", PolicyDocument=json.dumps(document(statements))),
    ]


def _versioning(facts: PairFacts) -> list[Effect]:
    return [
        Effect(
            account_id=side.account_id,
            region=side.region,
            service="s3",
            operation="PutBucketVersioning",
            params={"Bucket": side.bucket, "VersioningConfiguration": {"Status": "Enabled"}},
            why="replication needs versioning",
        )
        for side in (facts.source, facts.destination)
        if side.versioning != "Enabled"
    ]


def agreement_effects(
    facts: PairFacts, operation: Operation, arn: str, *, delete_markers: bool = False
) -> list[Effect]:
    """Return the bucket policy that allows the role of another account of the estate; none when it is allowed already."""
    agreed = agreement(facts.placed, operation, arn, delete_markers=delete_markers)
    if agreed is None:
        return []
    place, needed = agreed
    held = (facts.source if place.bucket == facts.source.bucket else facts.destination).policy
    if not place.account_id or not missing([held] if held else [], needed, arn):
        return []
    return [
        Effect(
            account_id=place.account_id,
            region=place.region,
            service="s3",
            operation="PutBucketPolicy",
            params={"Bucket": place.bucket, "Policy": json.dumps(merged(held, needed))},
            why="the other account must allow the role",
            settles=True,
        )
    ]


def _configuration(facts: PairFacts, arn: str, intent: Intent) -> dict[str, Any]:
    pair, encryption = facts.placed, facts.encryption
    rules = [_second_version(rule) for rule in facts.source.rules]
    destination: dict[str, Any] = {"Bucket": pair.destination.arn}
    if pair.destination.account_id and pair.destination.account_id != pair.source.account_id:
        destination |= {"Account": pair.destination.account_id, "AccessControlTranslation": {"Owner": "Destination"}}
    rule: dict[str, Any] = {
        "ID": f"windlass-{digest(pair.key)[:8]}",
        "Status": "Enabled",
        "Priority": max((int(rule.get("Priority", 0)) for rule in rules), default=0) + 1,
        "Filter": {"Prefix": pair.prefix},
        "DeleteMarkerReplication": {"Status": "Enabled" if intent.delete_markers else "Disabled"},
        "Destination": destination,
    }
    if encryption.source_key or encryption.destination_key:
        own = format_arn("kms", pair.destination.region, pair.destination.account_id, "alias/aws/s3")
        rule["SourceSelectionCriteria"] = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
        destination["EncryptionConfiguration"] = {"ReplicaKmsKeyID": encryption.destination_key or own}
    return {"Role": arn, "Rules": [*rules, rule]}


def _second_version(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a rule of the first version (`Prefix`, no `Filter`) to the second: a configuration can have only one
    version.
    """
    if "Filter" in rule:
        return dict(rule)
    kept = {name: value for name, value in rule.items() if name != "Prefix"}
    return {
        "Priority": 0,
        **kept,
        "Filter": {"Prefix": rule.get("Prefix", "")},
        "DeleteMarkerReplication": {"Status": "Enabled"},
    }


@dataclass(frozen=True, slots=True)
class Canary:
    """The result of the proof: when the canary was written (the cutoff), and how many seconds its replication took."""

    written_at: datetime
    seconds: float


def prove(
    estate: Estate,
    pair: Pair,
    seed_id: str,
    config: ReplicationConfig,
    *,
    stop: threading.Event,
    on_progress: Callable[[str], object] = lambda _: None,
) -> Canary:
    """Write a canary object, wait until it is replicated, and delete all versions of both objects.

    A new rule takes a while to be in force, so an ignored canary is written again. Conflict when S3 reports FAILED.
    """
    key = f"{pair.prefix}{OWN_PREFIX}canary-{seed_id}"
    began = time.monotonic()
    try:
        while time.monotonic() - began < config.canary_timeout_s:
            written_at = _wait(estate, pair, key, _put(estate, pair.source, key), config, stop, began)
            if written_at is not None:
                on_progress(f"the canary arrived after {time.monotonic() - began:.1f} s")
                return Canary(written_at, time.monotonic() - began)
    finally:
        _clean(estate, pair, key)
    raise AwsError(
        f"{pair.title}: the canary object was not replicated within {config.canary_timeout_s:.0f} s",
        hint="The rule is on. S3 may be slow (increase canary_timeout_s); `windlass replicate preflight` finds other causes.",
        code="CanaryLost",
    )


def _put(estate: Estate, place: BucketRef, key: str) -> str:
    response = estate.call(
        place.account_id,
        place.region,
        "s3",
        "PutObject",
        Bucket=place.bucket,
        Key=key,
        Body=b"windlass: is replication on?",
    )
    return str(response.get("VersionId", ""))


def _wait(
    estate: Estate,
    pair: Pair,
    key: str,
    version_id: str,
    config: ReplicationConfig,
    stop: threading.Event,
    began: float,
) -> datetime | None:
    """Return when the replicated canary was written; None when S3 ignored it."""
    put_at = time.monotonic()
    while True:
        head = estate.call(
            pair.source.account_id,
            pair.source.region,
            "s3",
            "HeadObject",
            Bucket=pair.source.bucket,
            Key=key,
            **({"VersionId": version_id} if version_id else {}),
        )
        status = head.get("ReplicationStatus", "")
        if status in ("COMPLETED", "COMPLETE"):
            written: datetime = head["LastModified"]
            return written
        if status == "FAILED":
            raise Conflict(
                f"{pair.title}: the canary object could not be replicated",
                hint=f"{explain('DstPutObjectNotPermitted').advice} S3's events of type OperationFailedReplication show the reason.",
                code="ReplicationFailed",
            )
        waited = time.monotonic()
        if waited - began > config.canary_timeout_s or (not status and waited - put_at > _AGAIN_S):
            return None
        if stop.wait(config.canary_poll_s):
            raise Interrupted(f"the seed of {pair.title} was stopped while it waited for the canary object")


def _clean(estate: Estate, pair: Pair, key: str) -> None:
    for place in (pair.source, pair.destination):
        if not place.account_id:
            continue
        with contextlib.suppress(WindlassError):  # a remaining canary does no harm, and may be locked
            pages = estate.pages(
                place.account_id, place.region, "s3", "ListObjectVersions", Bucket=place.bucket, Prefix=key
            )
            for page in pages:
                for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    estate.call(
                        place.account_id,
                        place.region,
                        "s3",
                        "DeleteObject",
                        Bucket=place.bucket,
                        Key=version["Key"],
                        VersionId=version["VersionId"],
                    )
