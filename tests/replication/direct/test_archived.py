"""Objects of archive classes: what was restored is copied, and what was not is told."""

import threading

from tests.replication.direct.local import Aws, copy_pair, verify_pair
from tests.replication.direct.middle import middle
from windlass.replication.direct.copying.streams import _check_parts
from windlass.replication.model import Restore
from windlass.wire.s3 import Part
from windlass_local.s3.archive import RESTORE_TIMING


def test_restored_objects_are_copied_and_the_others_told(aws, tmp_path, monkeypatch):
    monkeypatch.setattr(RESTORE_TIMING, "takes_s", 0.0)
    pair = aws.pair()
    client = aws.s3()
    aws.fill(pair.source.bucket, ["plain"], b"plain")
    for key in ("restored", "archived", "restoring"):
        client.put_object(Bucket=pair.source.bucket, Key=key, Body=key.encode(), StorageClass="GLACIER")
    client.restore_object(Bucket=pair.source.bucket, Key="restored", RestoreRequest={"Days": 1})
    moved = copy_pair(
        aws.engine(tmp_path), pair, seed_id="s", versions=False, stop=threading.Event(), on_progress=lambda _: None
    )
    assert (moved.total, moved.copied, moved.failed) == (4, 2, 2), moved
    assert [(failure.code, failure.count) for failure in moved.failures] == [("InvalidObjectState", 2)]
    got = aws.s3("eu-west-1").get_object(Bucket=pair.destination.bucket, Key="plain")["Body"].read()
    assert got == b"plain"
    assert set(aws.listed(pair.destination)) == {"plain", "restored"}


def test_a_restore_under_way_is_told_as_such(engine_server, aws, tmp_path):
    pair = aws.pair()
    aws.s3().put_object(Bucket=pair.source.bucket, Key="k", Body=b"x", StorageClass="DEEP_ARCHIVE")

    def restoring(asked, said):
        if asked.method == "HEAD" and asked.path.endswith("/k"):
            said.headers["x-amz-restore"] = 'ongoing-request="true"'

    with middle(engine_server.url) as line:
        line.after = restoring
        behind = Aws(line.url, aws.account)
        moved = copy_pair(
            behind.engine(tmp_path),
            pair,
            seed_id="s",
            versions=False,
            stop=threading.Event(),
            on_progress=lambda _: None,
        )
        behind.close()
    assert [(failure.code, failure.keys) for failure in moved.failures] == [("RestoreInProgress", ("k",))]


def test_a_seed_restores_what_is_archived_and_waits_for_it(engine_server, aws, tmp_path):
    """One was begun by somebody before; both are under way for a while."""
    pair = aws.pair()
    for key in ("k", "begun"):
        aws.s3().put_object(Bucket=pair.source.bucket, Key=key, Body=b"x", StorageClass="DEEP_ARCHIVE")
    aws.fill(pair.source.bucket, ["plain"])
    looks, asked_for = {}, []

    def restoring(asked, said):
        key = asked.path.partition("?")[0].rpartition("/")[2]
        if asked.method == "POST" and asked.path.endswith("?restore="):
            asked_for.append((key, b"<Days>3</Days>" in asked.body and b"<Tier>Bulk</Tier>" in asked.body))
        if asked.method == "HEAD" and (key == "begun" or asked_for):
            looks[key] = looks.get(key, 0) + 1
            if looks[key] < 3:
                said.headers["x-amz-restore"] = 'ongoing-request="true"'
            elif key == "begun":
                said.headers["x-amz-restore"] = 'ongoing-request="false"'

    with middle(engine_server.url) as line:
        line.after = restoring
        behind = Aws(line.url, aws.account)
        aws.s3().restore_object(Bucket=pair.source.bucket, Key="begun", RestoreRequest={"Days": 1})
        moved = copy_pair(
            behind.engine(tmp_path),
            pair,
            seed_id="s",
            versions=False,
            stop=threading.Event(),
            on_progress=lambda _: None,
            restore=Restore(days=3, poll_s=0.02),
        )
        behind.close()
    assert (moved.total, moved.copied, moved.failed) == (3, 3, 0), moved
    assert asked_for == [("k", True)]
    assert looks["begun"] >= 3
    assert set(aws.listed(pair.destination)) == {"plain", "k", "begun"}


def test_whoever_agreed_to_pay_says_so_in_every_request(engine_server, aws, tmp_path):
    """Listings, heads, copies, parts: S3 refuses the one that does not."""
    pair = aws.pair()
    aws.fill(pair.source.bucket, ["a", "b"])
    aws.fill(pair.source.bucket, ["large"], b"x" * (11 << 20))
    silent, seen = [], []

    def look(asked):
        seen.append(asked.method)
        if asked.headers.get("x-amz-request-payer") != "requester":
            silent.append((asked.method, asked.path))

    with middle(engine_server.url) as line:
        line.before = look
        behind = Aws(line.url, aws.account)
        engine = behind.engine(tmp_path, request_payer=True, largest_bytes=1 << 20, part_bytes=5 << 20)
        moved = copy_pair(engine, pair, seed_id="s", versions=False, stop=threading.Event(), on_progress=lambda _: None)
        assert verify_pair(engine, pair, stop=threading.Event(), on_progress=lambda _: None).missing == 0
        behind.close()
    assert (moved.copied, moved.failed) == (3, 0)
    assert {"GET", "PUT", "HEAD", "POST"} <= set(seen)
    assert not silent


def test_a_part_that_arrived_damaged_is_found_where_etags_are_digests():
    import pytest

    from windlass.core.errors import AwsError

    whole = [(Part(1, "a" * 32), "a" * 32), (Part(2, "b" * 32), "b" * 32)]
    _check_parts("b", "k", whole)
    _check_parts("b", "k", [(Part(1, "x"), "a" * 32), (Part(2, "y"), "b" * 32)])  # opaque, as under KMS
    with pytest.raises(AwsError, match="part 2 of 'k'"):
        _check_parts("b", "k", [whole[0], (Part(2, "c" * 32), "b" * 32)])
