"""One embedded AWS for the actions' tests, and contexts whose calls go there, through the estate's own errors."""

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
    """Makes boto3 clients that don't retry, and closes them: `aws("s3", region=…, account=…)`."""
    made = []

    def client(service, *, region=REGION, account="111111111111"):
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "windlass-local"}
        made.append(boto3.client(service, endpoint_url=local_aws.url, region_name=region, config=config, **keys))
        return made[-1]

    yield client
    for each in made:
        each.close()


class World:
    """An account of its own: clients to set things up with, contexts for actions, and a record of the calls made."""

    def __init__(self, aws, url):
        self.url = url
        self.account = f"{uuid.uuid4().int % 10**12:012}"
        self.client = lambda service: aws(service, account=self.account)
        self.memory = {}
        self.calls = []
        self._clients = {}

    def call(self, service, operation, /, **params):
        """As the estate calls: AWS's own operation names, our errors."""
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

    def asked(self, operation):
        return [params for name, params in self.calls if name == operation]


@pytest.fixture
def world(aws, local_aws):
    return World(aws, local_aws.url)


@pytest.fixture
def context():
    """A context for actions that call no AWS."""

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
