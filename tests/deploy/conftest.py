"""An embedded AWS for this folder's tests, and an account of their own for each."""

import random

import boto3
import pytest
from botocore.config import Config

from tests.deploy import terraform
from windlass_local.server import LocalServer


@pytest.fixture(scope="session")
def embedded():
    """A running embedded AWS."""
    with LocalServer() as server:
        yield server


@pytest.fixture
def account():
    """An account that nobody has used: moto's state belongs to the process."""
    return str(random.SystemRandom().randrange(10**11, 10**12))


@pytest.fixture
def client(embedded, account):
    """Makes boto3 clients of the account."""
    clients = []

    def make(service, **more):
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "windlass-local", "region_name": "us-east-1"}
        clients.append(
            boto3.client(
                service, endpoint_url=embedded.url, config=Config(s3={"addressing_style": "path"}), **(keys | more)
            )
        )
        return clients[-1]

    yield make
    for client_ in clients:
        client_.close()


@pytest.fixture
def example(embedded, account, tmp_path):
    """Makes a root configuration of an example, on the embedded AWS, initialised; skips where Terraform or its provider is not."""

    def make(name, **more):
        if terraform.MISSING:
            pytest.skip(terraform.MISSING)
        return terraform.Terraform(tmp_path, f"examples/{name}", url=embedded.url, account=account, **more).init()

    return make
