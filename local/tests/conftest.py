"""One embedded AWS for all tests of this folder: moto's state belongs to the process, so tests use names of their own."""

import boto3
import pytest
from botocore.config import Config

from windlass_local.server import Access, LocalServer


@pytest.fixture(scope="session")
def local_aws():
    """A running embedded AWS; its `.url`."""
    with LocalServer(access=Access(moto_api=True)) as server:
        yield server


@pytest.fixture
def aws(local_aws):
    """Makes boto3 clients that don't retry, and closes them: `aws("s3", region=…, account=…)`."""
    made = []

    def client(service, *, region="us-east-1", account="111111111111", url=local_aws.url, read_timeout=60):
        config = Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            max_pool_connections=20,
            read_timeout=read_timeout,
        )
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "windlass-local"}
        made.append(boto3.client(service, endpoint_url=url, region_name=region, config=config, **keys))
        return made[-1]

    yield client
    for each in made:
        each.close()
