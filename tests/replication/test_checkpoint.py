"""Checkpoints: what is written is read, what an earlier version wrote is read, and what a later version wrote is refused."""

import json

import pytest

from windlass.core.clock import parse_time
from windlass.core.errors import Conflict
from windlass.replication.model import Attribute, ManifestRef, Method
from windlass.replication.planning.request import SeedRequest
from windlass.replication.seed.checkpoint import (
    VERSION,
    BatchCheckpoint,
    Checkpoint,
    EmrCheckpoint,
    checkpoint_from,
    new_checkpoint,
)

AT = parse_time("2026-11-21T08:00:00.000000Z")
MANIFEST = ManifestRef("b", "m.csv", "etag", storage_class="STANDARD_IA")
CASES = {
    Method.BATCH: BatchCheckpoint(
        cutoff_at=AT,
        status="Active",
        role="arn",
        role_changed_at=AT,
        requested_at=AT,
        manifests=(MANIFEST, MANIFEST),
        pending_manifests=(MANIFEST,),
        jobs_created=1,
        large_objects=2,
        first_replication=True,
        retry_of=(("1", "eu-west-1", "job"),),
    ),
    Method.EMR: EmrCheckpoint(status="Active", manifests=(), step={"cluster": "j-1", "step": "s-1"}),
    Method.DIRECT: Checkpoint(cutoff_at=AT),
}


@pytest.mark.parametrize("method", list(CASES))
def test_a_checkpoint_is_read_as_it_was_written(method):
    document = json.loads(json.dumps(CASES[method].document()))
    assert document["version"] == VERSION
    assert checkpoint_from(method, document) == CASES[method]
    assert checkpoint_from(method, {}) == new_checkpoint(method)


def test_no_manifest_yet_and_no_object_to_list_are_different():
    for manifests in (None, ()):
        read = checkpoint_from(Method.BATCH, BatchCheckpoint(manifests=manifests).document())
        assert read.manifests == manifests


def test_facts_of_version_1_are_read():
    manifest = {"bucket": "b", "key": "m.csv", "etag": "e", "versions": False}
    facts = {
        "t0": "2026-11-21T08:00:00.000000Z",
        "role": "arn",
        "role_changed_at": "",
        "requested_at": "2026-11-21T08:00:00.000000Z",
        "manifests": [manifest],
        "queue": [],
        "number": 1,
        "large": 3,
        "first": True,
        "status": "Complete",
        "retry_of": [["1", "eu-west-1", "job"]],
    }
    assert checkpoint_from(Method.BATCH, facts) == BatchCheckpoint(
        cutoff_at=AT,
        status="Complete",
        role="arn",
        requested_at=AT,
        manifests=(ManifestRef("b", "m.csv", "e"),),
        jobs_created=1,
        large_objects=3,
        first_replication=True,
        retry_of=(("1", "eu-west-1", "job"),),
    )
    emr = checkpoint_from(Method.EMR, {"emr": {"cluster": "j-1"}, "status": "Active", "first": True})
    assert emr == EmrCheckpoint(step={"cluster": "j-1"}, status="Active")
    assert checkpoint_from(Method.DIRECT, {"first": True, "t0": "2026-11-21T08:00:00.000000Z"}).cutoff_at == AT


def test_a_later_version_is_refused_with_the_remedy():
    with pytest.raises(Conflict, match=f"version {VERSION + 1}"):
        checkpoint_from(Method.BATCH, {"version": VERSION + 1})


def test_a_request_that_was_stored_with_earlier_names_is_read():
    request = SeedRequest(
        method=Method.DIRECT, include_in_sync=True, distributed=True, preserve=frozenset({Attribute.ACL})
    )
    params = request.params()
    old = {"method": "via", "preserve": "carry", "include_in_sync": "everything", "distributed": "shared"}
    assert SeedRequest.of({old.get(name, name): value for name, value in params.items()}) == request
    assert SeedRequest.of(params) == request
