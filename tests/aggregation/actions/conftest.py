"""An embedded AWS for the tests of actions, and contexts whose calls reach it with the estate's own errors."""

import uuid

import boto3
import pytest
from botocore.config import Config

from windlass.aggregation.actions.base import Context
from windlass.estate.direct import Direct
from windlass_local.server import LocalServer

REGION = "eu-west-1"


@pytest.fixture(scope="session")
def local_aws():
    """A running embedded AWS; its `.url`."""
    with LocalServer() as server:
        yield server


@pytest.fixture
def aws(local_aws):
    """Return a factory of boto3 clients without retries, closed at the end: `aws("s3", region=…, account=…)`."""
    clients = []

    def client(service, *, region=REGION, account="111111111111"):
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "windlass-local"}
        clients.append(boto3.client(service, endpoint_url=local_aws.url, region_name=region, config=config, **keys))
        return clients[-1]

    yield client
    for opened in clients:
        opened.close()


class World:
    """A fresh account: clients for set-up, contexts for actions, and a record of the calls made."""

    def __init__(self, aws, url):
        self.url = url
        self.account = f"{uuid.uuid4().int % 10**12:012}"
        self.client = lambda service: aws(service, account=self.account)
        self.memory = {}
        self.calls = []
        self._clients = {}

    def call(self, service, operation, /, **params):
        """Call as the estate does: AWS's operation names, our errors."""
        self.calls.append((operation, params))
        if service not in self._clients:
            self._clients[service] = self.client(service)
        where = f"{service} in {REGION} of {self.account}"
        return Direct(self._clients[service], where).call(operation, **params)

    def context(self, *, now=1000.0, key="k", attempt="", **more):
        return Context(
            call=self.call,
            rule="rule",
            key=key,
            attempt=attempt or uuid.uuid4().hex,
            account_id=self.account,
            region=REGION,
            now=now,
            memory=self.memory,
            **more,
        )

    def requests(self, operation):
        return [params for name, params in self.calls if name == operation]


@pytest.fixture
def world(aws, local_aws):
    return World(aws, local_aws.url)


@pytest.fixture
def context():
    """Return a context for actions that call no AWS service."""

    def refuse(*_, **__):
        raise AssertionError("no AWS call is due")

    return Context(
        call=refuse,
        rule="uploads",
        key="bucket/ä",
        attempt="attempt-1",
        account_id="111111111111",
        region=REGION,
        now=1_700_000_000.0,
    )
