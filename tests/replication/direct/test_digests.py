"""What heads claim, what is carried, and which parts are guessed: pure."""

import base64
import zlib
from hashlib import md5, sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.replication.direct.copying.copy_headers import carried
from windlass.replication.direct.copying.digests import (
    Claim,
    ContentDigest,
    Differs,
    Trust,
    claim_of,
    of_parts,
    part_count_of,
)
from windlass.replication.direct.copying.reader import likely_parts
from windlass.wire.s3 import Head

MIB = 1 << 20


def head(etag="", **headers):
    return Head(5, etag, "", "", {name.replace("_", "-"): value for name, value in headers.items()})


def text(data):
    return base64.b64encode(data).decode()


BODY = b"12345"
MD5 = md5(BODY).hexdigest()
CRC = text(zlib.crc32(BODY).to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("found", "claim"),
    [
        (head(MD5), Claim("md5", MD5)),
        (head(f"{MD5}-3"), Claim("parts", f"{MD5}-3")),
        (head(MD5, x_amz_server_side_encryption="aws:kms"), None),
        (head(MD5, x_amz_server_side_encryption="AES256"), Claim("md5", MD5)),
        (head(MD5, x_amz_server_side_encryption_customer_algorithm="AES256"), None),
        (head("an-etag-of-its-own"), None),
        (
            head(MD5, x_amz_server_side_encryption="aws:kms", x_amz_checksum_crc32=CRC),
            Claim("crc32", f"{zlib.crc32(BODY):08x}"),
        ),
        (head(f"{MD5}-2", x_amz_checksum_sha256=f"{text(sha256(BODY).digest())}-2"), Claim("parts", f"{MD5}-2")),
        (head(f"{MD5}-2", x_amz_checksum_crc32=CRC, x_amz_checksum_type="COMPOSITE"), Claim("parts", f"{MD5}-2")),
        (head(MD5, x_amz_checksum_crc32="not base64!"), Claim("md5", MD5)),
    ],
)
def test_claims(found, claim):
    assert claim_of(found, Trust()) == claim


@given(body=st.binary(max_size=2000), cuts=st.lists(st.integers(0, 2000), max_size=5), flip=st.integers(0, 1999))
def test_a_digest_holds_for_the_content_however_it_is_cut_and_for_nothing_else(body, cuts, flip):
    sums = {
        "md5": md5(body).hexdigest(),
        "sha256": sha256(body).hexdigest(),
        "crc32": f"{zlib.crc32(body):08x}",
        "parts": f"{md5(md5(body).digest()).hexdigest()}-1",
    }
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    for name, digest in sums.items():
        claim = Claim(name, digest)
        right, wrong = ContentDigest([claim]), ContentDigest([claim])
        for first, last in zip(edges, edges[1:], strict=False):
            right.update(body[first:last])
        assert right.check() == claim
        assert right.md5 == sums["md5"]
        wrong.update(body[:flip] + bytes([body[flip] ^ 1]) + body[flip + 1 :] if flip < len(body) else body + b"x")
        with pytest.raises(Differs):
            wrong.check()


def test_an_etag_of_parts_is_s3s():
    pieces = [b"a" * 10, b"b" * 10]
    digests = [md5(piece).hexdigest() for piece in pieces]
    expected = md5(b"".join(md5(piece).digest() for piece in pieces)).hexdigest() + "-2"
    assert of_parts(digests).digest == expected
    assert (part_count_of(expected), part_count_of(MD5), part_count_of(f"{MD5}-10001")) == (2, 0, 0)


def test_etags_that_are_never_digests_are_not_asked_for_ever():
    trust, claim = Trust(), Claim("md5", MD5)
    for _ in range(8):
        assert trust.given
        trust.learn(claim, Claim("md5", "0" * 32))
    assert claim_of(head(MD5), trust) is None
    mixed = Trust()
    mixed.learn(claim, claim)
    for _ in range(20):
        mixed.learn(claim, Claim("md5", "0" * 32))
    assert mixed.given, "one that was true is why the others are looked at"


@given(size=st.integers(1, 10**12), count=st.integers(1, 10_000))
def test_guessed_parts_are_so_many_and_all_of_it_or_none(size, count):
    guess = likely_parts(size, count)
    assert not guess or (sum(guess) == size and len(guess) == count)


def test_the_usual_parts_are_guessed():
    for part in (5, 8, 16, 64):
        assert likely_parts(12 * part * MIB + 7 * MIB // 2, 13) == [part * MIB] * 12 + [7 * MIB // 2], part
    assert likely_parts(3 * MIB, 3) == [], "parts that small are none"


def test_headers_that_are_copied_and_headers_that_are_not():
    result = head(
        content_type="text/x",
        content_encoding="aws-chunked,gzip",
        cache_control="no-store",
        x_amz_meta_k="v",
        x_amz_storage_class="STANDARD_IA",
        x_amz_server_side_encryption="aws:kms",
        x_amz_object_lock_mode="GOVERNANCE",
        x_amz_checksum_crc32=CRC,
        x_amz_checksum_sha256="abc=",
        etag="x",
        last_modified="y",
        x_amz_version_id="z",
    )
    bare = {"content-type": "text/x", "content-encoding": "gzip", "cache-control": "no-store", "x-amz-meta-k": "v"}
    assert carried(result) == bare
    assert carried(result, [("a b", "c&d")], classes=["STANDARD_IA"], full_content=True) == bare | {
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-tagging": "a%20b=c%26d",
        "x-amz-checksum-crc32": CRC,
    }
    assert carried(head(content_encoding="aws-chunked")) == {}
