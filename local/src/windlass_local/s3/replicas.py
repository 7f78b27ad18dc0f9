"""Replicas: the same version in another bucket, placed by its time among the versions there."""

from __future__ import annotations

from typing import Any

from moto.s3.models import s3_backends

from windlass_local.s3.objects import DeleteMarker, IndexedKeyStore, ObjectVersion
from windlass_local.s3.replication import ReplicationRule
from windlass_local.s3.versions import encrypt

__all__ = ["put_replica", "replica_of", "tags_of"]

REPLICA = "REPLICA"


def tags_of(key: ObjectVersion) -> dict[str, str]:
    """Return an object's tags."""
    result: dict[str, str] = s3_backends[key.account_id][key.partition].tagger.tags.get(key.arn) or {}
    return result


def replica_of(version: Any, destination: Any, rule: ReplicationRule) -> ObjectVersion | DeleteMarker:
    """Return the replica of an object or a delete marker; the bytes are shared, because they never change."""
    if not isinstance(version, ObjectVersion):
        marker = DeleteMarker(name=version.name, version_id=version.version_id)
        marker.last_modified, marker.replication_status = version.last_modified, REPLICA
        return marker
    replica = ObjectVersion.__new__(ObjectVersion)
    replica.__dict__.update(version.__dict__)
    replica.account_id, replica.bucket_name = destination.account_id, destination.name
    replica.partition = replica.region_name = destination.partition
    replica.acl, replica.replication_status = None, REPLICA
    replica.metadata_headers = dict(version.metadata_headers)
    if rule.storage_class:
        replica._storage_class = rule.storage_class  # noqa: SLF001 - moto's own name for it
    if rule.kms_key:
        replica.encryption, replica.kms_key_id = "aws:kms", rule.kms_key
        replica.seal_etag()
    elif version.encryption == "AES256":  # the destination's own default, which is as strong or stronger
        replica.encryption = replica.kms_key_id = replica.bucket_key_enabled = None
        encrypt(destination, replica)
    return replica


def put_replica(bucket: Any, replica: ObjectVersion | DeleteMarker, tags: dict[str, str]) -> bool:
    """Insert it among the versions of its key, by time; return whether it is new there. Inside the bucket's lock."""
    store: IndexedKeyStore = bucket.keys
    versions = [version for version in store.getlist(replica.name, []) if version.version_id != replica.version_id]
    new = len(versions) == len(store.getlist(replica.name, []))
    at = len(versions)
    while at and versions[at - 1].last_modified > replica.last_modified:
        at -= 1
    store.setlist(replica.name, [*versions[:at], replica, *versions[at:]])
    if isinstance(replica, ObjectVersion):
        tagger = s3_backends[bucket.account_id][bucket.partition].tagger
        tagger.delete_all_tags_for_resource(replica.arn)
        if tags:
            tagger.tag_resource(replica.arn, tagger.convert_dict_to_tags_input(tags))
    return new
