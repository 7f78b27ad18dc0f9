"""Directory buckets: the control plane answers apart from general purpose buckets."""

import botocore.session
import pytest
from botocore.exceptions import ClientError

from s3_clients import client, fresh


@pytest.fixture
def s3(local_aws):
    session = botocore.session.get_session()
    session.set_credentials("111111111111", "any")
    made = session.create_client("s3", region_name="us-east-1", endpoint_url=local_aws.url)
    yield made
    made.close()


def test_a_general_purpose_bucket_is_no_directory_bucket(local_aws, s3):
    client(local_aws.url, "s3").create_bucket(Bucket=fresh("general"))
    assert s3.list_directory_buckets()["Buckets"] == []


def test_a_directory_bucket_can_not_be_created(s3):
    with pytest.raises(ClientError) as caught:
        s3.create_bucket(Bucket="a--use1-az4--x-s3")
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
