"""Replicates new objects after the call that wrote them: PENDING, then COMPLETED or FAILED; replicas are REPLICA.

A replica is the same version: its id, bytes, ETag, metadata, tags and times. It is not replicated again. The role must exist
and trust S3; the destination must be versioned, and its bucket policy must allow the role when it is another account's.
Faults for the operation `ReplicateObject` on the destination's bucket apply.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from windlass_local.faults import Faults
from windlass_local.internal_faults import fault_response
from windlass_local.request import Request
from windlass_local.s3.access import find_bucket, permitted
from windlass_local.s3.address import S3Request
from windlass_local.s3.caller import Caller
from windlass_local.s3.documents import documents_of
from windlass_local.s3.object_reads import find_version
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.replicas import REPLICA, put_replica, replica_of, tags_of
from windlass_local.s3.replication import Configuration, ReplicationRule, Subject, parse, rules_for
from windlass_local.s3.roles import denies, find_role, session_of, trusts
from windlass_local.s3.versions import Notify
from windlass_local.workers import Workers

__all__ = ["REPLICATION_TIMING", "ReplicationTiming", "Replicator", "configuration_of", "subject_of"]

_SERVICE = "s3.amazonaws.com"
_THREADS = 4
_FAILED = "s3:Replication:OperationFailedReplication"


@dataclass(slots=True)
class ReplicationTiming:
    """The minimum of seconds until a new object is replicated."""

    object_s: float = 0.05


REPLICATION_TIMING = ReplicationTiming()
"""The delays of this process, as moto's state is."""


def configuration_of(bucket: Any) -> Configuration | None:
    """Return the bucket's replication configuration, or None."""
    if not getattr(bucket, "replication", None):
        return None
    document = documents_of(bucket).get("replication")
    return None if document is None else parse(document)


def subject_of(version: Any) -> Subject:
    """Return the subject of replication rules."""
    if not isinstance(version, ObjectVersion):
        return Subject(key=version.name, tags={}, marker=True)
    return Subject(
        key=version.name,
        tags=tags_of(version),
        storage_class=version.storage_class or "STANDARD",
        encryption=version.encryption or "",
    )


class Replicator:
    """Watches every change in every bucket, and replicates the objects that a rule selects."""

    def __init__(self, notify: Notify) -> None:
        self._tell = notify
        self._workers = Workers("s3-replication", _THREADS)
        self._faults: tuple[Faults, ...] = ()
        self._sessions: dict[str, Caller] = {}
        self._lock = threading.Lock()

    def server_started(self, faults: Faults) -> None:
        """Add the faults of a server that started; they may fail or delay replication."""
        self._faults = (*self._faults, faults)

    def server_stopped(self, faults: Faults) -> None:
        """Remove the faults of a server that stops."""
        self._faults = tuple(fault for fault in self._faults if fault is not faults)

    def forget(self) -> None:
        """Drop pending work: the estate was reset."""
        self._workers.forget()
        with self._lock:
            self._sessions.clear()

    def notify(self, name: str, bucket: Any, version: Any) -> None:
        """Queue a changed object for replication; it is PENDING when a rule applies."""
        if not getattr(bucket, "replication", None) or version.replication_status == REPLICA:
            return
        created = name.startswith("s3:ObjectCreated") or name.endswith("DeleteMarkerCreated")
        retagged = name.startswith("s3:ObjectTagging") and version.replication_status is not None
        configuration = configuration_of(bucket) if created or retagged else None
        if configuration is None:
            return
        if rules_for(configuration, subject_of(version)):
            version.replication_status = "PENDING"
        elif not any(rule.tags for rule in configuration.rules):  # moto puts tags after the object
            return
        self._workers.put(lambda: self._later(bucket, version), after_s=REPLICATION_TIMING.object_s)

    def _later(self, bucket: Any, version: Any) -> None:
        if find_version(bucket, version.name, version.version_id) is version and find_bucket(bucket.name) is bucket:
            self.replicate(bucket, version)

    def replicate(self, bucket: Any, version: Any) -> str:
        """Replicate a version now; return the failure code that S3's events use, or "".

        Source: S3 user guide, "Amazon S3 replication failure reasons".
        """
        configuration = configuration_of(bucket)
        rules = rules_for(configuration, subject_of(version)) if configuration is not None else ()
        if configuration is None or not rules:
            return "SrcObjectNotEligible"
        codes = [self._to(rule, configuration.role, bucket, version) for rule in rules]
        failed = next(filter(None, codes), "")
        if version.replication_status != REPLICA:
            version.replication_status = "FAILED" if failed else "COMPLETED"
        if failed:
            with bucket.keys.lock:
                self._tell(_FAILED, bucket, version)
        return failed

    def _to(self, rule: ReplicationRule, role: str, bucket: Any, version: Any) -> str:
        destination = find_bucket(rule.bucket)
        if destination is None or (rule.account_id and rule.account_id != destination.account_id):
            return "DstBucketNotFound"
        if destination.versioning_status != "Enabled":
            return "DstBucketUnversioned"
        if bucket.object_lock_enabled and not destination.object_lock_enabled:
            return "DstBucketObjectLockConfigMissing"
        assumed = find_role(role)
        if assumed is None or not trusts(assumed, _SERVICE):
            return "AssumeRoleNotPermitted"
        is_object = isinstance(version, ObjectVersion)
        operation = "ReplicateObject" if is_object else "ReplicateDelete"
        resource = f"{destination.arn}/{version.name}"
        if denies(assumed, f"s3:{operation}", resource) or not self._admitted(
            role, destination, version.name, operation
        ):
            return "DstPutObjectNotPermitted" if is_object else "DstDelObjNotPermitted"
        replica = replica_of(version, destination, rule)
        with destination.keys.lock:
            if put_replica(destination, replica, tags_of(version) if is_object else {}):
                name = "s3:ObjectCreated:Put" if is_object else "s3:ObjectRemoved:DeleteMarkerCreated"
                self._tell(name, destination, replica)
        return ""

    def _admitted(self, role: str, destination: Any, key: str, operation: str) -> bool:
        """True when the destination accepts a replica: by its policy and by the faults."""
        with self._lock:
            if role not in self._sessions:
                self._sessions[role] = session_of(role, destination.region_name, "s3-replication")
            caller = self._sessions[role]
        call = _call(caller, destination, key, operation)
        refusal = fault_response(self._faults, call.request)
        return refusal is None and permitted(call, destination, caller, f"s3:{operation}", key)


def _call(caller: Caller, destination: Any, key: str, operation: str) -> S3Request:
    """Return the call that S3 makes for replication: policies are evaluated and faults decided for it."""
    request = Request(
        method="PUT",
        path=f"/{destination.name}/{quote(key)}",
        query="",
        headers={},
        body=b"",
        service="s3",
        region=destination.region_name,
        account_id=caller.account_id,
        access_key=caller.access_key,
        operation=operation,
    )
    return S3Request(request=request, bucket=destination.name, key=key, query={}, subresource="")
