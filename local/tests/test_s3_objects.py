"""Objects of the local S3 as boto3 sees them: put, get, conditions, versions, copies, parts, listings."""

from __future__ import annotations

import base64
import hashlib
import io
import urllib.error
import urllib.request
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3_clients import A, B, client, error_of, fresh


@pytest.fixture
def s3(local_aws: Any) -> Any:
    made = client(local_aws.url)
    yield made
    made.close()


@pytest.fixture
def box(s3: Any) -> str:
    name = fresh()
    s3.create_bucket(Bucket=name)
    return name


def test_what_is_put_is_what_is_got(s3: Any, box: str) -> None:
    put = s3.put_object(
        Bucket=box,
        Key="a b/ü+&<>.txt",
        Body=b"hello",
        ContentType="text/plain",
        Metadata={"Owner": "me"},
        Tagging="team=a&x=",
        StorageClass="STANDARD_IA",
        CacheControl="no-cache",
    )
    got = s3.get_object(Bucket=box, Key="a b/ü+&<>.txt", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello"
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert (got["ContentType"], got["Metadata"], got["CacheControl"]) == ("text/plain", {"owner": "me"}, "no-cache")
    assert (got["StorageClass"], got["TagCount"], got["ServerSideEncryption"]) == ("STANDARD_IA", 2, "AES256")
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
    assert "VersionId" not in got
    tags = s3.get_object_tagging(Bucket=box, Key="a b/ü+&<>.txt")["TagSet"]
    assert sorted(tag["Key"] for tag in tags) == ["team", "x"]
    [listed] = s3.list_objects_v2(Bucket=box)["Contents"]
    assert (listed["Key"], listed["Size"], listed["ETag"]) == ("a b/ü+&<>.txt", 5, put["ETag"])


def test_an_overwritten_object_loses_its_tags(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"1", Tagging="a=1")
    s3.put_object(Bucket=box, Key="k", Body=b"2")
    assert s3.get_object_tagging(Bucket=box, Key="k")["TagSet"] == []


def test_ranges(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"0123456789")
    for request, body, shown in [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=5-500", b"56789", "bytes 5-9/10"),
    ]:
        got = s3.get_object(Bucket=box, Key="k", Range=request)
        assert (got["Body"].read(), got["ContentRange"]) == (body, shown)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert error_of(s3.get_object, Bucket=box, Key="k", Range="bytes=10-") == (416, "InvalidRange")
    assert s3.head_object(Bucket=box, Key="k", Range="bytes=0-0")["ContentLength"] == 1


def test_conditional_reads_and_writes(s3: Any, box: str) -> None:
    etag = s3.put_object(Bucket=box, Key="k", Body=b"1")["ETag"]
    assert error_of(s3.get_object, Bucket=box, Key="k", IfMatch='"no"') == (412, "PreconditionFailed")
    assert error_of(s3.get_object, Bucket=box, Key="k", IfNoneMatch=etag)[0] == 304
    changed = s3.head_object(Bucket=box, Key="k")["LastModified"]
    assert error_of(s3.get_object, Bucket=box, Key="k", IfModifiedSince=changed)[0] == 304
    assert error_of(s3.put_object, Bucket=box, Key="k", Body=b"2", IfNoneMatch="*") == (412, "PreconditionFailed")
    assert error_of(s3.put_object, Bucket=box, Key="none", Body=b"2", IfMatch=etag) == (404, "NoSuchKey")
    s3.put_object(Bucket=box, Key="k", Body=b"2", IfMatch=etag)
    s3.put_object(Bucket=box, Key="new", Body=b"2", IfNoneMatch="*")


def test_a_body_that_is_not_what_its_checksum_says_is_refused(s3: Any, box: str) -> None:
    wrong = {"Bucket": box, "Key": "k", "Body": b"1", "ChecksumCRC32": "AAAAAA=="}
    assert error_of(s3.put_object, **wrong) == (400, "BadDigest")
    assert error_of(s3.head_object, Bucket=box, Key="k") == (404, "404")


def test_what_is_not_there(s3: Any, box: str) -> None:
    assert error_of(s3.get_object, Bucket=box, Key="none") == (404, "NoSuchKey")
    assert error_of(s3.get_object, Bucket=fresh("nobucket"), Key="k") == (404, "NoSuchBucket")
    assert error_of(s3.get_object, Bucket=box, Key="none", VersionId="x" * 32) == (404, "NoSuchVersion")
    assert s3.delete_object(Bucket=box, Key="none")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_versions_markers_and_suspension(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"null")
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=box, Key="k", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=box, Key="k")
    assert marker["DeleteMarker"] is True
    assert error_of(s3.get_object, Bucket=box, Key="k") == (404, "NoSuchKey")
    assert error_of(s3.get_object, Bucket=box, Key="k", VersionId=marker["VersionId"]) == (405, "MethodNotAllowed")
    assert "Contents" not in s3.list_objects_v2(Bucket=box)
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=box, Key="k", Body=b"again null")
    versions = s3.list_object_versions(Bucket=box)
    assert [each["VersionId"] for each in versions["Versions"]] == ["null", first]
    assert [each["IsLatest"] for each in versions["Versions"]] == [True, False]
    assert versions["DeleteMarkers"][0]["IsLatest"] is False
    assert s3.get_object(Bucket=box, Key="k", VersionId=first)["Body"].read() == b"1"
    s3.delete_object(Bucket=box, Key="k", VersionId="null")
    s3.delete_object(Bucket=box, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=box, Key="k")["Body"].read() == b"1"


def test_deleting_an_unknown_key_of_a_versioned_bucket_leaves_a_marker(s3: Any, box: str) -> None:
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Enabled"})
    assert s3.delete_object(Bucket=box, Key="never")["DeleteMarker"] is True
    assert len(s3.list_object_versions(Bucket=box)["DeleteMarkers"]) == 1


def test_delete_objects_reports_each_key(s3: Any, box: str) -> None:
    for key in ("a", "b&c", " d "):
        s3.put_object(Bucket=box, Key=key, Body=b"")
    done = s3.delete_objects(Bucket=box, Delete={"Objects": [{"Key": key} for key in ("a", "b&c", " d ", "none")]})
    assert [each["Key"] for each in done["Deleted"]] == ["a", "b&c", " d ", "none"]
    assert s3.list_objects_v2(Bucket=box)["KeyCount"] == 0
    many = [{"Key": str(number)} for number in range(1001)]
    assert error_of(s3.delete_objects, Bucket=box, Delete={"Objects": many}) == (400, "MalformedXML")


def test_copies(s3: Any, box: str) -> None:
    source = {"Bucket": box, "Key": "dir/a b+c"}
    s3.put_object(**source, Body=b"data", Metadata={"m": "1"}, Tagging="t=1", ContentType="text/css")
    copied = s3.copy_object(Bucket=box, Key="copy", CopySource=source)["CopyObjectResult"]
    got = s3.get_object(Bucket=box, Key="copy")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"], got["TagCount"]) == (
        b"data",
        {"m": "1"},
        "text/css",
        1,
    )
    assert copied["ETag"] == got["ETag"]
    replaced = {"MetadataDirective": "REPLACE", "Metadata": {"n": "2"}, "TaggingDirective": "REPLACE", "Tagging": ""}
    s3.copy_object(Bucket=box, Key="copy", CopySource=source, **replaced)
    got = s3.get_object(Bucket=box, Key="copy")
    assert (got["Metadata"], got.get("TagCount")) == ({"n": "2"}, None)
    assert error_of(s3.copy_object, **source, CopySource=source) == (400, "InvalidRequest")
    assert error_of(s3.copy_object, Bucket=box, Key="x", CopySource=f"{box}/none") == (404, "NoSuchKey")
    unmet = {"CopySourceIfMatch": '"other"'}
    assert error_of(s3.copy_object, Bucket=box, Key="x", CopySource=source, **unmet) == (412, "PreconditionFailed")


def test_a_multipart_upload_keeps_its_parts(s3: Any, box: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=box, Key="big")["UploadId"]
    bodies = [b"a" * (5 << 20), b"b" * 100]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket=box, Key="big", UploadId=upload_id, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    done = s3.complete_multipart_upload(Bucket=box, Key="big", UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert done["ETag"].endswith('-2"')
    head = s3.head_object(Bucket=box, Key="big", PartNumber=2)
    assert (head["ContentLength"], head["PartsCount"]) == (100, 2)
    assert s3.get_object(Bucket=box, Key="big", PartNumber=2)["Body"].read() == bodies[1]
    assert error_of(s3.get_object, Bucket=box, Key="big", PartNumber=3) == (416, "InvalidPartNumber")
    s3.copy_object(Bucket=box, Key="copy", CopySource=f"{box}/big")
    assert s3.head_object(Bucket=box, Key="copy")["ETag"] == f'"{hashlib.md5(b"".join(bodies)).hexdigest()}"'


def test_a_large_object_goes_through_a_file_and_comes_back(s3: Any, box: str) -> None:
    body = bytes(range(256)) * (17 << 12)
    s3.put_object(Bucket=box, Key="large", Body=body)
    s3.copy_object(Bucket=box, Key="copy", CopySource=f"{box}/large")
    s3.delete_object(Bucket=box, Key="large")
    assert hashlib.md5(s3.get_object(Bucket=box, Key="copy")["Body"].read()).digest() == hashlib.md5(body).digest()
    assert s3.get_object(Bucket=box, Key="copy", Range="bytes=256-257")["Body"].read() == b"\x00\x01"


def test_listing_pages(s3: Any, box: str) -> None:
    for number in range(7):
        s3.put_object(Bucket=box, Key=f"logs/{number % 3}/{number}", Body=b"x")
    s3.put_object(Bucket=box, Key="top", Body=b"x")
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=box, PaginationConfig={"PageSize": 3}))
    assert [page["KeyCount"] for page in pages] == [3, 3, 2]
    keys = [each["Key"] for page in pages for each in page["Contents"]]
    assert keys == sorted(keys)
    pages = list(
        s3.get_paginator("list_objects").paginate(
            Bucket=box, Delimiter="/", Prefix="logs/", PaginationConfig={"PageSize": 2}
        )
    )
    assert [each["Prefix"] for page in pages for each in page["CommonPrefixes"]] == ["logs/0/", "logs/1/", "logs/2/"]
    after = s3.list_objects_v2(Bucket=box, StartAfter="logs/2/2", FetchOwner=True)["Contents"]
    assert [each["Key"] for each in after] == ["logs/2/5", "top"]
    assert len(after[0]["Owner"]["ID"]) == 64
    assert s3.list_objects_v2(Bucket=box, MaxKeys=0)["IsTruncated"] is False
    bad = {"Bucket": box, "ContinuationToken": "rubbish"}
    assert error_of(s3.list_objects_v2, **bad) == (400, "InvalidArgument")


def test_joined_version_pages_are_the_complete_listing(s3: Any, box: str) -> None:
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket=box, Key=f"k{number % 2}", Body=b"x")["VersionId"] for number in range(6)]
    s3.delete_object(Bucket=box, Key="k0")
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=box, PaginationConfig={"PageSize": 2}))
    result = [each["VersionId"] for page in pages for each in page.get("Versions", [])]
    assert result == [ids[4], ids[2], ids[0], ids[5], ids[3], ids[1]]
    assert sum(len(page.get("DeleteMarkers", [])) for page in pages) == 1
    assert [each["IsLatest"] for page in pages for each in page.get("Versions", [])] == [False] * 3 + [True] + [
        False
    ] * 2


def test_a_presigned_url_reads_until_it_expires(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"signed")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": box, "Key": "k"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"signed"
    expired = s3.generate_presigned_url("get_object", Params={"Bucket": box, "Key": "k"}, ExpiresIn=-10)
    for refused in (expired, url.partition("?")[0]):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(refused)
        assert caught.value.code == 403
        caught.value.close()


def test_another_account_does_not_learn_which_keys_exist(s3: Any, box: str, local_aws: Any) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"")
    other = client(local_aws.url, account_id=B)
    for key in ("k", "none"):
        with pytest.raises(ClientError, match="Forbidden"):
            other.head_object(Bucket=box, Key=key)
    other.close()


def test_an_invalid_multipart_upload_is_refused_with_the_reason(s3: Any, box: str) -> None:
    upload = {"Bucket": box, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=box, Key="k")["UploadId"]}
    etags = [s3.upload_part(**upload, PartNumber=number, Body=b"small")["ETag"] for number in (1, 2)]

    def complete(*parts: tuple[int, str]) -> tuple[int, str]:
        listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        return error_of(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": listed})

    assert complete((2, etags[1]), (1, etags[0])) == (400, "InvalidPartOrder")
    assert complete((1, etags[0]), (3, etags[1])) == (400, "InvalidPart")
    assert complete((1, etags[0]), (2, etags[1])) == (400, "EntityTooSmall")
    assert error_of(s3.upload_part, **upload, PartNumber=10001, Body=b"") == (400, "InvalidArgument")
    s3.abort_multipart_upload(**upload)
    assert complete((1, etags[0])) == (404, "NoSuchUpload")


def test_parts_can_be_copied_from_ranges(s3: Any, box: str) -> None:
    source = {"Bucket": box, "Key": "source"}
    s3.put_object(**source, Body=b"0123456789")
    upload_id = s3.create_multipart_upload(Bucket=box, Key="k", Metadata={"m": "1"}, StorageClass="STANDARD_IA")[
        "UploadId"
    ]
    part = {"Bucket": box, "Key": "k", "UploadId": upload_id, "PartNumber": 1, "CopySource": source}
    assert error_of(s3.upload_part_copy, **part, CopySourceRange="bytes=5-10") == (416, "InvalidRange")
    etag = s3.upload_part_copy(**part, CopySourceRange="bytes=2-5")["CopyPartResult"]["ETag"]
    done = {"Bucket": box, "Key": "k", "UploadId": upload_id}
    s3.complete_multipart_upload(**done, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    got = s3.get_object(Bucket=box, Key="k")
    assert (got["Body"].read(), got["Metadata"], got["StorageClass"]) == (b"2345", {"m": "1"}, "STANDARD_IA")
    assert got["ETag"].endswith('-1"')


def test_the_transfer_manager_and_its_checksums(s3: Any, box: str) -> None:
    body = bytes(range(256)) * (9 << 12)
    s3.upload_fileobj(io.BytesIO(body), box, "k")
    head = s3.head_object(Bucket=box, Key="k", ChecksumMode="ENABLED")
    assert head["ContentLength"] == len(body)
    assert head["ChecksumType"] in ("COMPOSITE", "FULL_OBJECT")
    into = io.BytesIO()
    s3.download_fileobj(box, "k", into)
    assert into.getvalue() == body


def test_a_body_in_signed_chunks_is_put_together(s3: Any, box: str, local_aws: Any) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential={A}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    headers = {
        "Authorization": scope,
        "Content-Encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    }
    crc32 = base64.b64encode(zlib.crc32(b"hello world").to_bytes(4, "big")).decode()

    def put(trailer: str) -> int:
        chunks = (
            f"6;chunk-signature=a\r\nhello \r\n5;chunk-signature=b\r\nworld\r\n0;chunk-signature=c\r\n{trailer}\r\n\r\n"
        )
        url = f"{local_aws.url}/{box}/k"
        request = urllib.request.Request(url, data=chunks.encode(), method="PUT", headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    assert put(f"x-amz-checksum-crc32:{crc32}") == 200
    got = s3.get_object(Bucket=box, Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ChecksumCRC32"]) == (b"hello world", crc32)
    assert "ContentEncoding" not in got
    assert put("x-amz-checksum-crc32:AAAAAA==") == 400


@pytest.mark.parametrize(
    "key", ["//a", "a//b", "/lead", "trail/", "..", "a?b#c", "a%20b", "é😀", "x" * 1024, "new\nline", "<&>\"'", "a+b c"]
)
def test_any_key_can_be_used_and_is_listed_as_it_is(s3: Any, box: str, key: str) -> None:
    s3.put_object(Bucket=box, Key=key, Body=b"1")
    assert s3.get_object(Bucket=box, Key=key)["Body"].read() == b"1"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=box)["Contents"]] == [key]
    assert [each["Key"] for each in s3.list_object_versions(Bucket=box)["Versions"]] == [key]
    s3.delete_objects(Bucket=box, Delete={"Objects": [{"Key": key}]})
    assert s3.list_objects(Bucket=box).get("Contents") is None


def test_object_lock_holds(s3: Any) -> None:
    box = fresh("lock")
    s3.create_bucket(Bucket=box, ObjectLockEnabledForBucket=True)
    until = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2040-01-01T00:00:00Z"}
    version = {
        "Bucket": box,
        "Key": "k",
        "VersionId": s3.put_object(Bucket=box, Key="k", Body=b"", **until)["VersionId"],
    }
    assert s3.head_object(Bucket=box, Key="k")["ObjectLockMode"] == "GOVERNANCE"
    assert error_of(s3.delete_object, **version) == (403, "AccessDenied")
    s3.delete_object(**version, BypassGovernanceRetention=True)
    assert error_of(s3.head_object, **version)[0] == 404


@pytest.mark.parametrize("locked_by", ["default", "headers"])
def test_an_upload_that_will_be_locked_wants_a_checksum(s3: Any, local_aws: Any, locked_by: str) -> None:
    box = fresh("lock")
    s3.create_bucket(Bucket=box, ObjectLockEnabledForBucket=True)
    until: dict[str, Any] = {}
    lock_headers: dict[str, str] = {}
    if locked_by == "default":
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
        configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        s3.put_object_lock_configuration(Bucket=box, ObjectLockConfiguration=configuration)
    else:
        until = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2040-01-01T00:00:00Z"}
        lock_headers = {
            "x-amz-object-lock-mode": "GOVERNANCE",
            "x-amz-object-lock-retain-until-date": "2040-01-01T00:00:00Z",
        }
    upload = s3.create_multipart_upload(Bucket=box, Key="parts", **until)["UploadId"]
    scope = f"AWS4-HMAC-SHA256 Credential={A}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    md5 = base64.b64encode(hashlib.md5(b"x", usedforsecurity=False).digest()).decode()
    crc32 = base64.b64encode(zlib.crc32(b"x").to_bytes(4, "big")).decode()

    def put(path: str, headers: dict[str, str]) -> tuple[int, str]:
        request = urllib.request.Request(
            f"{local_aws.url}/{box}/{path}", data=b"x", method="PUT", headers={"Authorization": scope, **headers}
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    for what, path, headers in (("Object", "k", lock_headers), ("Part", f"parts?partNumber=1&uploadId={upload}", {})):
        status, answer = put(path, headers)
        assert (status, "<Code>InvalidRequest</Code>" in answer) == (400, True)
        assert f"Content-MD5 OR x-amz-checksum- HTTP header is required for Put {what} requests" in answer
        for options in ({"Content-MD5": md5}, {"x-amz-checksum-crc32": crc32}):
            assert put(path, headers | options) == (200, "")
    assert s3.head_object(Bucket=box, Key="k")["ObjectLockMode"] == "GOVERNANCE"
    s3.upload_fileobj(io.BytesIO(b"x" * (9 << 20)), box, "large")  # boto3's own checksums do
    copy = {"Bucket": box, "Key": "copy", "CopySource": {"Bucket": box, "Key": "k"}}
    s3.copy_object(**copy, **until)  # there is no body to sum up


def test_a_new_bucket_has_nothing_of_the_old_one_of_its_name(s3: Any, box: str) -> None:
    s3.put_bucket_tagging(Bucket=box, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_object(Bucket=box, Key="k", Body=b"")
    assert error_of(s3.delete_bucket, Bucket=box) == (409, "BucketNotEmpty")
    s3.delete_object(Bucket=box, Key="k")
    s3.delete_bucket(Bucket=box)
    s3.create_bucket(Bucket=box)
    assert error_of(s3.get_bucket_tagging, Bucket=box) == (404, "NoSuchTagSet")


def test_open_uploads_are_listed_with_their_age(s3: Any, box: str) -> None:
    for key in ("a/1", "a/1", "b c", "d"):
        s3.create_multipart_upload(Bucket=box, Key=key)
    pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket=box, PaginationConfig={"PageSize": 1}))
    result = [each for page in pages for each in page["Uploads"]]
    assert [each["Key"] for each in result] == ["a/1", "a/1", "b c", "d"]
    assert len({each["UploadId"] for each in result}) == 4
    assert all(abs((datetime.now(UTC) - each["Initiated"]).total_seconds()) < 3600 for each in result)
    rolled = s3.list_multipart_uploads(Bucket=box, Delimiter="/")
    assert ([each["Prefix"] for each in rolled["CommonPrefixes"]], len(rolled["Uploads"])) == (["a/"], 2)


@pytest.mark.parametrize("size_bytes", [10, 600_000])
def test_of_many_conditional_puts_one_wins(s3: Any, box: str, size_bytes: int) -> None:
    def put(number: int) -> bool:
        try:
            s3.put_object(Bucket=box, Key="lease", Body=bytes([number]) * size_bytes, IfNoneMatch="*")
        except s3.exceptions.from_code("PreconditionFailed"):
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(put, range(16))) == 1


def test_no_version_is_lost_when_many_put_the_same_key(s3: Any, box: str) -> None:
    s3.put_bucket_versioning(Bucket=box, VersioningConfiguration={"Status": "Enabled"})
    with ThreadPoolExecutor(8) as threads:
        made = set(
            threads.map(lambda _: s3.put_object(Bucket=box, Key="k", Body=b"x" * 600_000)["VersionId"], range(24))
        )
    assert {each["VersionId"] for each in s3.list_object_versions(Bucket=box)["Versions"]} == made
    assert len(made) == 24


def test_a_copy_into_a_locked_bucket_has_the_lock_asked_for_or_the_default(s3: Any, box: str) -> None:
    locked = fresh("lock")
    s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=box, Key="k", Body=b"x")
    copy = {"CopySource": {"Bucket": box, "Key": "k"}, "Key": "k"}
    until = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": "2040-01-01T00:00:00Z"}
    assert error_of(s3.copy_object, Bucket=box, **copy | {"Key": "l"}, **until) == (400, "InvalidRequest")
    past = until | {"ObjectLockRetainUntilDate": "2020-01-01T00:00:00Z"}
    assert error_of(s3.copy_object, Bucket=locked, **copy, **past) == (400, "InvalidArgument")
    assert error_of(s3.copy_object, Bucket=locked, **copy, ObjectLockMode="COMPLIANCE") == (400, "InvalidArgument")
    s3.copy_object(Bucket=locked, **copy, **until, ObjectLockLegalHoldStatus="ON")
    head = s3.head_object(Bucket=locked, Key="k")
    assert (head["ObjectLockMode"], head["ObjectLockLegalHoldStatus"]) == ("COMPLIANCE", "ON")
    assert head["ObjectLockRetainUntilDate"].year == 2040
    # What another has is no copy's: it gets the bucket's default, and none where there is none.
    s3.copy_object(Bucket=locked, CopySource={"Bucket": locked, "Key": "k"}, Key="l")
    assert "ObjectLockMode" not in s3.head_object(Bucket=locked, Key="l")
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 9}}}
    other = fresh("lock")
    s3.create_bucket(Bucket=other, ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(Bucket=other, ObjectLockConfiguration=rule)
    s3.copy_object(Bucket=other, CopySource={"Bucket": locked, "Key": "k"}, Key="m")
    assert s3.head_object(Bucket=other, Key="m")["ObjectLockMode"] == "GOVERNANCE"


def test_copies_keep_their_conditions_in_locked_buckets_and_with_acls(s3: Any, box: str) -> None:
    locked = fresh("lock")
    s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=box, Key="k", Body=b"x")
    source = {"CopySource": {"Bucket": box, "Key": "k"}, "Key": "k"}
    etag = s3.copy_object(Bucket=locked, **source, IfNoneMatch="*")["CopyObjectResult"]["ETag"]
    assert error_of(s3.copy_object, Bucket=locked, **source, IfNoneMatch="*") == (412, "PreconditionFailed")
    s3.copy_object(Bucket=locked, **source, IfMatch=etag)
    assert error_of(s3.copy_object, Bucket=locked, **source, IfMatch='"other"') == (412, "PreconditionFailed")
    assert error_of(s3.copy_object, Bucket=locked, **source, CopySourceIfMatch='"other"') == (412, "PreconditionFailed")


def test_an_upload_into_a_locked_bucket_keeps_its_lock(s3: Any, box: str) -> None:
    locked = fresh("lock")
    s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True)
    until = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2040-01-01T00:00:00Z"}
    assert error_of(s3.create_multipart_upload, Bucket=box, Key="k", **until) == (400, "InvalidRequest")
    upload = {"Bucket": locked, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **until)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    head = s3.head_object(Bucket=locked, Key="k")
    assert (head["ObjectLockMode"], head["ETag"].strip('"')[-2:]) == ("GOVERNANCE", "-1")


def test_grants_of_a_copy_count_where_acls_are_on(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"x")
    copy = {"Bucket": box, "CopySource": {"Bucket": box, "Key": "k"}, "Key": "l"}
    reader = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
    grants = {"GrantRead": f'id="{reader}", uri="http://acs.amazonaws.com/groups/global/AllUsers"'}
    assert error_of(s3.copy_object, **copy, **grants) == (400, "AccessControlListNotSupported")
    owned = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=box, OwnershipControls=owned)
    assert error_of(s3.copy_object, **copy, **grants) == (403, "AccessDenied")  # public ACLs are blocked
    s3.delete_public_access_block(Bucket=box)
    assert error_of(s3.copy_object, **copy, **grants, ACL="private") == (400, "InvalidRequest")
    s3.copy_object(**copy, **grants)
    result = s3.get_object_acl(Bucket=box, Key="l")["Grants"]
    assert [
        (entry["Permission"], entry["Grantee"].get("ID") or entry["Grantee"]["URI"].rpartition("/")[2])
        for entry in result
    ] == [
        ("READ", reader),
        ("READ", "AllUsers"),
    ]
    s3.copy_object(**copy)  # a copy without headers is its owner's alone
    (one,) = s3.get_object_acl(Bucket=box, Key="l")["Grants"]
    assert one["Permission"] == "FULL_CONTROL"
