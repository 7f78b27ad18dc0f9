"""Objects under customer keys (SSE-C): neither read nor copied without their key, and never shown with it."""

import base64
import os

import pytest
from botocore.exceptions import ClientError

from s3_clients import client, error_of, fresh

KEY, OTHER = os.urandom(32), os.urandom(32)
PART = 5 << 20


def sse(key, of=""):
    return {f"{of}SSECustomerAlgorithm": "AES256", f"{of}SSECustomerKey": key}


@pytest.fixture
def s3(local_aws):
    made = client(local_aws.url)
    yield made
    made.close()


@pytest.fixture
def box(s3):
    name = fresh()
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"secret", **sse(KEY))
    s3.put_object(Bucket=name, Key="plain", Body=b"open")
    return name


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_an_object_is_read_with_its_own_key_only(s3, box, operation):
    read = getattr(s3, operation)

    def refusal(key, **given):
        return error_of(read, Bucket=box, Key=key, **given)[0]

    answer = read(Bucket=box, Key="k", **sse(KEY))
    if "Body" in answer:
        assert answer["Body"].read() == b"secret"
    assert answer["SSECustomerAlgorithm"] == "AES256"
    assert "ServerSideEncryption" not in answer
    assert (refusal("k"), refusal("k", **sse(OTHER)), refusal("plain", **sse(KEY))) == (400, 403, 400)


def test_refusals_say_what_is_wrong(s3, box):
    def message(key="k", **given):
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=box, Key=key, **given)
        said = error.value.response["Error"]
        return f"{said['Code']}: {said['Message']}"

    assert "InvalidRequest: The object was stored using a form of Server Side Encryption" in message()
    assert message(**sse(OTHER)) == "AccessDenied: Access Denied"
    assert "not applicable" in message("plain", **sse(KEY))
    assert "InvalidArgument: The secret key was invalid" in message(**sse(b"short"))
    wrong = sse(base64.b64encode(KEY).decode()) | {"SSECustomerKeyMD5": base64.b64encode(bytes(16)).decode()}
    assert "MD5" in message(**wrong)


def test_the_etag_is_no_digest_of_the_content(s3, box):
    s3.put_object(Bucket=box, Key="again", Body=b"secret", **sse(KEY))
    tags = {s3.head_object(Bucket=box, Key=key, **sse(KEY))["ETag"] for key in ("k", "again")}
    assert len(tags) == 2


def test_a_copy_needs_the_source_s_key_and_gets_the_key_it_is_given(s3, box):
    source = {"Bucket": box, "Key": "k"}
    for options in ({}, sse(OTHER, "CopySource")):
        assert error_of(s3.copy_object, Bucket=box, Key="copy", CopySource=source, **options)[0] in (400, 403)
    s3.copy_object(Bucket=box, Key="copy", CopySource=source, **sse(KEY, "CopySource"), **sse(OTHER))
    assert s3.get_object(Bucket=box, Key="copy", **sse(OTHER))["Body"].read() == b"secret"
    s3.copy_object(Bucket=box, Key="opened", CopySource=source, **sse(KEY, "CopySource"))
    assert s3.get_object(Bucket=box, Key="opened")["Body"].read() == b"secret"


def test_every_part_is_given_with_the_upload_s_key(s3, box):
    upload = s3.create_multipart_upload(Bucket=box, Key="large", **sse(KEY))["UploadId"]
    part = {"Bucket": box, "Key": "large", "UploadId": upload}
    for options in ({}, sse(OTHER)):
        assert error_of(s3.upload_part, **part, PartNumber=1, Body=b"a", **options) == (400, "InvalidRequest")
    made = [s3.upload_part(**part, PartNumber=1, Body=bytes(PART), **sse(KEY))["ETag"]]
    copied = s3.upload_part_copy(
        **part, PartNumber=2, CopySource={"Bucket": box, "Key": "k"}, **sse(KEY), **sse(KEY, "CopySource")
    )
    made.append(copied["CopyPartResult"]["ETag"])
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(made, 1)]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=box, Key="large", **sse(KEY))["Body"].read() == bytes(PART) + b"secret"
    assert error_of(s3.head_object, Bucket=box, Key="large")[0] == 400
