"""Equal sizes and other bytes: found, named, mended; and what nobody can compare is never called verified."""

import threading

import pytest

from tests.replication.direct.local import copy_pair, verify_pair
from tests.replication.direct.test_compare import MIB, put_in_parts
from windlass.core.errors import Interrupted
from windlass.replication.comparison import Compare, ContentVerdict, Criteria
from windlass.replication.direct.run import SeedLimits

REPLACE = Criteria(replace_newer=True)


def seed(engine, pair, *, seed_id="s", stop=None, tell=lambda _: None, **more):
    return copy_pair(
        engine, pair, seed_id=seed_id, versions=False, stop=stop or threading.Event(), on_progress=tell, **more
    )


def verified(engine, pair, **more):
    return verify_pair(engine, pair, stop=threading.Event(), on_progress=lambda _: None, **more)


def put(aws, place, key, body, **more):
    aws.s3(place.region).put_object(Bucket=place.bucket, Key=key, Body=body, **more)


def set_time(aws, place, key, seconds):
    """Move an object's time, in the server of this process."""
    from datetime import timedelta

    from moto.s3.models import s3_backends

    found = s3_backends[aws.account]["aws"].buckets[place.bucket].keys[key]
    found.last_modified += timedelta(seconds=seconds)


def test_other_bytes_of_the_same_size_in_a_newer_object_are_found_named_and_mended(aws, tmp_path):
    pair = aws.pair()
    for key in ("equal", "other"):
        put(aws, pair.source, key, b"source")
    put(aws, pair.destination, "equal", b"source")
    put(aws, pair.destination, "other", b"theirs")
    for key in ("equal", "other"):
        set_time(aws, pair.destination, key, 60)
    engine = aws.engine(tmp_path)
    volume = engine.measure(pair)
    assert (volume.missing, volume.undecided) == (0, 1), "a plan that calls this idle ends as Complete, Total 0"
    found = verified(engine, pair)
    assert (found.verdict, found.different, found.examples) == (ContentVerdict.DIFFERENT, 1, {"different": ("other",)})
    moved = seed(engine, pair)
    assert (moved.total, moved.copied, moved.failed, moved.skipped) == (1, 0, 1, 1)
    assert [(failure.code, failure.keys) for failure in moved.failures] == [("DstObjectNewer", ("other",))]
    moved = seed(engine, pair, criteria=REPLACE)
    assert (moved.total, moved.copied, moved.failed) == (1, 1, 0)
    assert verified(engine, pair).verdict is ContentVerdict.SAME
    assert aws.listed(pair.destination) == aws.listed(pair.source)


def test_a_source_overwritten_within_the_second_of_its_copy_is_copied_again(aws, tmp_path):
    pair = aws.pair()
    put(aws, pair.source, "k", b"first")
    engine = aws.engine(tmp_path)
    seed(engine, pair)
    put(aws, pair.source, "k", b"other")
    from moto.s3.models import s3_backends

    source, target = (
        s3_backends[aws.account]["aws"].buckets[place.bucket].keys["k"] for place in (pair.source, pair.destination)
    )
    source.last_modified = target.last_modified  # S3 tells whole seconds
    assert verified(engine, pair).different == 1
    assert seed(engine, pair).copied == 1
    assert verified(engine, pair).verdict is ContentVerdict.SAME
    source.last_modified = target.last_modified
    put(aws, pair.source, "k", b"third")
    by_time = Criteria(Compare.TIME)
    s3_backends[aws.account]["aws"].buckets[pair.source.bucket].keys["k"].last_modified = (
        s3_backends[aws.account]["aws"].buckets[pair.destination.bucket].keys["k"].last_modified
    )
    assert verified(engine, pair, by=Compare.TIME).unknown == 1, "of two in one second, times tell nothing"
    assert seed(engine, pair, criteria=by_time).copied == 0


def test_under_a_kms_key_equal_sizes_are_not_verified_unless_checksums_are(aws, tmp_path):
    pair = aws.pair()
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "some-key"}}]
    aws.s3("eu-west-1").put_bucket_encryption(
        Bucket=pair.destination.bucket, ServerSideEncryptionConfiguration={"Rules": rules}
    )
    aws.fill(pair.source.bucket, ["bare"], b"content")
    aws.fill(pair.destination.bucket, ["bare"], b"content")
    put(aws, pair.source, "summed", b"content", ChecksumAlgorithm="CRC32")
    put(aws, pair.destination, "summed", b"content", ChecksumAlgorithm="CRC32")
    put(aws, pair.source, "rotten", b"content", ChecksumAlgorithm="CRC32")
    put(aws, pair.destination, "rotten", b"coNtent", ChecksumAlgorithm="CRC32")
    there = aws.listed(pair.destination)
    assert all(there[key][1] != etag for key, (_, etag) in aws.listed(pair.source).items()), (
        "ETags under KMS are opaque"
    )
    found = verified(aws.engine(tmp_path), pair)
    assert (found.objects, found.unknown, found.different) == (3, 1, 1)
    assert found.examples == {"unknown": ("bare",), "different": ("rotten",)}
    aws.s3("eu-west-1").delete_object(Bucket=pair.destination.bucket, Key="rotten")
    seed(aws.engine(tmp_path), pair)
    found = verified(aws.engine(tmp_path), pair)
    assert (found.verdict, found.whole) == (ContentVerdict.UNKNOWN, False)


@pytest.mark.parametrize(("part", "verdict"), [(5 * MIB, ContentVerdict.DIFFERENT), (6 * MIB, ContentVerdict.UNKNOWN)])
def test_parts_compare_only_when_they_are_equally_large(aws, tmp_path, part, verdict):
    pair = aws.pair()
    body = bytes(range(256)) * (12 * MIB // 256)
    put_in_parts(aws.s3(), pair.source.bucket, "k", body)
    client, bucket = aws.s3("eu-west-1"), pair.destination.bucket
    upload = client.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    cuts = (part, 2 * part if part == 5 * MIB else part + 5 * MIB)
    pieces = (body[: cuts[0]], body[cuts[0] : cuts[1]], body[cuts[1] : -1] + b"!")
    parts = [
        {
            "PartNumber": number,
            "ETag": client.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=piece)["ETag"],
        }
        for number, piece in enumerate(pieces, 1)
    ]
    client.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    assert verified(aws.engine(tmp_path), pair).verdict is verdict


def test_a_refused_object_stays_refused_after_an_interruption(aws, tmp_path):
    pair = aws.pair()
    aws.fill(pair.source.bucket, [f"{at:04}" for at in range(600)], b"source")
    for key in ("0000", "0599"):
        put(aws, pair.destination, key, b"theirs")
        set_time(aws, pair.destination, key, 60)
    engine = aws.engine(tmp_path, limits=SeedLimits(start_per_s=50.0, most_per_s=300.0))
    stop = threading.Event()

    def tell(so_far):
        if so_far.copied > 20:
            stop.set()

    with pytest.raises(Interrupted):
        seed(engine, pair, stop=stop, tell=tell)
    moved = seed(aws.engine(tmp_path), pair)
    assert (moved.total, moved.copied, moved.failed) == (600, 598, 2)
    assert [(failure.code, failure.count, failure.keys) for failure in moved.failures] == [
        ("DstObjectNewer", 2, ("0000", "0599"))
    ]
    got = aws.s3("eu-west-1").get_object(Bucket=pair.destination.bucket, Key="0599")["Body"].read()
    assert got == b"theirs"


def test_versions_that_nobody_can_compare_are_unknown_and_different_ones_are_not_in_sync(aws, tmp_path):
    pair = aws.pair(versioned=True)
    aws.make(pair.source, "k", [b"source"])
    aws.make(pair.destination, "k", [b"theirs"])
    found = verify_pair(aws.engine(tmp_path), pair, stop=threading.Event(), on_progress=lambda _: None, versions=True)
    assert found.verdict is ContentVerdict.DIFFERENT
    assert found.unknown == 0
