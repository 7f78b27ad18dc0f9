"""Every checksum that a request to S3 carries is verified: in headers and trailers, for every operation with a body."""

import base64
import hashlib
import http.client
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_clients import A, client, error_of, fresh
from windlass_local.s3.checksums import ALGORITHMS, COMPUTED, compute, sent_body, wrong_checksum

SIGNED = f"AWS4-HMAC-SHA256 Credential={A}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
BODY = b"hello world"
OTHER = b"hello wormd"
CHECK = {  # the check values of the CRC catalogue, and of the hashes' publications
    "crc32": "cbf43926",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
}


@pytest.fixture
def s3(local_aws):
    made = client(local_aws.url)
    yield made
    made.close()


@pytest.fixture
def box(s3):
    name = fresh()
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def ask(local_aws):
    """(status, body) of a raw S3 request, so that headers are what the test says and nothing else."""

    def send(method, path, headers, body=b""):
        connection = http.client.HTTPConnection(local_aws.url.removeprefix("http://"), timeout=30)
        connection.request(method, path, body, {"Authorization": SIGNED, **headers})
        with connection.getresponse() as answer:
            message = answer.status, answer.read().decode()
        connection.close()
        return message

    return send


def chunked(body, trailer="", sizes=(4, 3, 100)):
    """The body in chunks as SDKs send it, unsigned, with a trailer."""
    frames, rest = b"", body
    for size in sizes:
        if rest:
            frames += b"%x\r\n%s\r\n" % (len(rest[:size]), rest[:size])
            rest = rest[size:]
    return frames + b"0\r\n" + (f"{trailer}\r\n" if trailer else "").encode() + b"\r\n"


def streaming(algorithm, body, **more):
    return {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(body)),
        "x-amz-trailer": f"x-amz-checksum-{algorithm}",
        **more,
    }


def upload_of(s3, box, **more):
    return s3.create_multipart_upload(Bucket=box, Key="k", **more)["UploadId"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksums_are_the_published_ones(algorithm):
    assert COMPUTED[algorithm](b"123456789").hex() == CHECK[algorithm]


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_crc_of_odd_and_even_lengths_is_that_of_single_bytes(one, two):
    def by_bits(body, polynomial, bits):
        mask = value = (1 << bits) - 1
        for byte in body:
            value ^= byte
            for _ in range(8):
                value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        return (value ^ mask).to_bytes(bits // 8, "big")

    for body in (one, one + two):
        assert COMPUTED["crc32c"](body) == by_bits(body, 0x82F63B78, 32)
        assert COMPUTED["crc64nvme"](body) == by_bits(body, 0x9A6C9329AC4BC9B5, 64)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("operation", ["object", "part"])
@pytest.mark.parametrize("way", ["header", "trailer"])
def test_a_body_that_is_not_what_its_checksum_says_is_refused(s3, box, ask, algorithm, operation, way):
    path = f"/{box}/k" if operation == "object" else f"/{box}/k?partNumber=1&uploadId={upload_of(s3, box)}"
    for checksum, expected in ((compute(algorithm, BODY), 200), (compute(algorithm, OTHER), 400)):
        if way == "header":
            status, answer = ask("PUT", path, {f"x-amz-checksum-{algorithm}": checksum}, BODY)
        else:
            frames = chunked(BODY, f"x-amz-checksum-{algorithm}:{checksum}")
            status, answer = ask("PUT", path, streaming(algorithm, BODY), frames)
        assert status == expected, answer
        assert ("<Code>BadDigest</Code>" in answer) == (expected == 400)
        assert f"The {algorithm.upper()} you specified did not match" in answer or expected == 200
    if operation == "object":
        assert s3.get_object(Bucket=box, Key="k")["Body"].read() == BODY


@pytest.mark.parametrize("operation", ["object", "part", "locked", "configuration", "deletion", "tags"])
def test_content_md5_is_verified_for_every_operation(s3, box, ask, operation):
    if operation == "locked":
        box = fresh("locked")
        s3.create_bucket(Bucket=box, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=box, Key="k")
    method, path, body = {
        "object": ("PUT", "/k", BODY),
        "locked": ("PUT", "/k", BODY),
        "part": ("PUT", f"/k?partNumber=1&uploadId={upload_of(s3, box)}", BODY),
        "configuration": (
            "PUT",
            "?versioning",
            b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
        ),
        "deletion": ("POST", "?delete", b"<Delete><Object><Key>none</Key></Object></Delete>"),
        "tags": ("PUT", "/k?tagging", b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"),
    }[operation]
    right = base64.b64encode(hashlib.md5(body).digest()).decode()
    wrong = base64.b64encode(hashlib.md5(OTHER).digest()).decode()
    assert ask(method, f"/{box}{path}", {"Content-MD5": right}, body)[0] == 200
    status, answer = ask(method, f"/{box}{path}", {"Content-MD5": wrong}, body)
    assert (status, "BadDigest" in answer) == (400, True)
    status, answer = ask(method, f"/{box}{path}", {"Content-MD5": "bm8="}, body)
    assert (status, "InvalidDigest" in answer) == (400, True)


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"x-amz-checksum-crc32": "AAAA"}, BODY, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "no base64!"}, BODY, "InvalidRequest"),
        ({f"x-amz-checksum-{name}": compute(name, BODY) for name in ("crc32", "sha1")}, BODY, "InvalidRequest"),
        ({"x-amz-content-sha256": hashlib.sha256(OTHER).hexdigest()}, BODY, "XAmzContentSHA256Mismatch"),
        (streaming("crc32", BODY), chunked(BODY), "MalformedTrailerError"),
        (streaming("crc32", BODY), chunked(BODY, "x-amz-checksum-sha1:AAAA"), "MalformedTrailerError"),
        (
            streaming("crc32", BODY + b"more"),
            chunked(BODY, f"x-amz-checksum-crc32:{compute('crc32', BODY)}"),
            "IncompleteBody",
        ),
        (streaming("crc32", BODY), chunked(BODY)[:9], "IncompleteBody"),
        (streaming("crc32", BODY), b"5\r\nhello world\r\n0\r\n\r\n", "IncompleteBody"),
    ],
)
def test_invalid_checksums_and_incomplete_bodies_are_refused_by_name(s3, box, ask, headers, body, code):
    status, answer = ask("PUT", f"/{box}/k", headers, body)
    assert (status, f"<Code>{code}</Code>" in answer) == (400, True), answer
    assert error_of(s3.head_object, Bucket=box, Key="k") == (404, "404")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_an_object_put_with_a_checksum_returns_it(s3, box, algorithm):
    value = compute(algorithm, BODY)
    s3.put_object(Bucket=box, Key="k", Body=BODY, **{f"Checksum{algorithm}": value})
    assert s3.head_object(Bucket=box, Key="k", ChecksumMode="ENABLED")[f"Checksum{algorithm}"] == value


def test_the_checksum_of_a_completed_upload_is_of_the_object(s3, box):
    halves = (b"a" * (5 << 20), b"b")
    for body, expected in ((b"".join(halves), None), (b"other", (400, "BadDigest"))):
        upload = upload_of(s3, box, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
        parts = [
            {
                "PartNumber": number,
                "ETag": s3.upload_part(
                    Bucket=box, Key="k", UploadId=upload, PartNumber=number, Body=half, ChecksumAlgorithm="CRC32"
                )["ETag"],
            }
            for number, half in enumerate(halves, 1)
        ]
        whole = {
            "Bucket": box,
            "Key": "k",
            "UploadId": upload,
            "MultipartUpload": {"Parts": parts},
            "ChecksumType": "FULL_OBJECT",
            "ChecksumCRC32": base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode(),
        }
        if expected is None:
            assert s3.complete_multipart_upload(**whole)["ChecksumCRC32"] == whole["ChecksumCRC32"]
        else:
            assert error_of(s3.complete_multipart_upload, **whole) == expected


def test_boto3_s_own_uploads_of_every_kind_pass(s3, box):
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        body = io.BytesIO(b"x" * (9 << 20))
        s3.upload_fileobj(body, box, algorithm, ExtraArgs={"ChecksumAlgorithm": algorithm})
        assert s3.head_object(Bucket=box, Key=algorithm)["ContentLength"] == 9 << 20


@given(st.binary(max_size=50), st.lists(st.integers(1, 20), min_size=1, max_size=6), st.sampled_from(ALGORITHMS))
def test_chunks_of_any_size_are_put_together_and_verified(body, sizes, algorithm):
    trailer = f"x-amz-checksum-{algorithm}:{compute(algorithm, body)}"
    headers = {name.lower(): value for name, value in streaming(algorithm, body).items()}
    message, plain = sent_body(headers, chunked(body, trailer, (*sizes, 100)))
    assert plain == body
    assert wrong_checksum(message, plain) is None
    assert wrong_checksum(message, plain + b"x").code == "BadDigest"
