"""Where listings don't tell whether two versions are the same: what S3 says of each decides, and what it doesn't say doubles nothing."""

import asyncio
from types import SimpleNamespace

import pytest

from tests.replication.direct.version_shapes import version
from windlass.core.errors import AccessDenied, AwsError
from windlass.replication.direct.versions.operations import compare_by_heads
from windlass.replication.direct.versions.sequence import NEWER, compare_histories
from windlass.replication.model import BucketRef, Pair
from windlass.wire.s3 import Head

PAIR = Pair(source=BucketRef(bucket="a"), destination=BucketRef(bucket="b"))
ONE, OTHER = "0" * 32, "1" * 32
KMS = {"x-amz-server-side-encryption": "aws:kms"}
SSE = {"x-amz-server-side-encryption": "AES256"}


def crc(text, kind="FULL_OBJECT"):
    return {"x-amz-checksum-crc32": text, "x-amz-checksum-type": kind}


CASES = {
    "two MD5s that differ": (SSE, SSE, ONE, OTHER, False),
    "no encryption told": ({}, {}, ONE, OTHER, False),
    "a key of one's own": (SSE, KMS, ONE, OTHER, True),
    "in parts": (SSE, SSE, f"{ONE}-2", OTHER, True),
    "a key of one's own, and equal checksums": (KMS | crc("x"), KMS | crc("x"), ONE, OTHER, True),
    "a key of one's own, and other checksums": (KMS | crc("x"), KMS | crc("y"), ONE, OTHER, False),
    "checksums of parts say nothing beside the whole's": (
        KMS | crc("x-2", "COMPOSITE"),
        KMS | crc("y"),
        ONE,
        OTHER,
        True,
    ),
    "no head is to be had": (None, SSE, ONE, OTHER, True),
}


def looked(here, there, etag, other, *, error=None):
    ours = [version("k", "a")._replace(etag=etag, size_bytes=1)]
    theirs = [version("k", "b")._replace(etag=other, size_bytes=1)]
    assert compare_histories(ours, theirs).doubtful

    def client(headers, said):
        async def ask(call):
            assert call.request.query == f"versionId={(ours if headers is here else theirs)[0].version_id}"
            if error is not None:
                raise error
            if headers is None:
                raise AccessDenied("not for you")
            return Head(1, said, "v", "", headers)

        return SimpleNamespace(send=ask)

    sides = SimpleNamespace(read=client(here, etag), read_destination=client(there, other), pair=PAIR)
    return asyncio.run(compare_by_heads(sides, "k", ours, theirs))


@pytest.mark.parametrize("name", CASES)
def test_what_heads_say(name):
    here, there, etag, other, same = CASES[name]
    here, there = (None if entry is None else dict(entry) for entry in (here, there))
    result = looked(here, there, etag, other)
    assert result.complete is same
    assert result.conflict == ("" if same else NEWER)


def test_a_failure_is_no_answer():
    with pytest.raises(AwsError, match="S3 failed"):
        looked({}, SSE, ONE, OTHER, error=AwsError("S3 failed", code="InternalError"))
