"""One embedded AWS for this folder; each test has an account and bucket names of its own."""

import contextlib
import json
import uuid

import pytest

from windlass.app import App
from windlass.settings import load
from windlass_local.batch.timing import BATCH_TIMING
from windlass_local.server import LocalServer

SOURCE_REGION, TARGET_REGION = "us-east-1", "eu-west-1"


@pytest.fixture(scope="session")
def seed_aws():
    """A running embedded AWS."""
    with LocalServer() as server:
        yield server


@pytest.fixture
def slow_jobs(monkeypatch):
    """Batch jobs that take a while, as AWS's do: who looks right after making one finds it under way."""
    monkeypatch.setattr(BATCH_TIMING, "state_s", 1.0)


@pytest.fixture
def account():
    return f"{uuid.uuid4().int % 10**12:012}"


@pytest.fixture
def seed_app(seed_aws, account, tmp_path, sqlite_file):
    """The composition root over that AWS, quick in its looks."""
    with contextlib.ExitStack() as stack:

        def opened(*, accounts=(account,), store="w", sets=(), **settings):
            overrides = {
                "store.url": sqlite_file(f"{store}.db"),
                "estate.endpoint_url": seed_aws.url,
                "estate.regions": [SOURCE_REGION, TARGET_REGION],
                "estate.accounts": [{"id": entry} for entry in accounts],
                "replication.poll_s": 0.05,
                "replication.canary_poll_s": 0.05,
                "replication.canary_timeout_s": 30,
                **settings,
            }
            if sets:  # several tables of one kind come from a file only
                lines = [
                    line
                    for entry in sets
                    for line in ("[[replicate]]", *(f"{name} = {json.dumps(value)}" for name, value in entry.items()))
                ]
                (tmp_path / "windlass.toml").write_text("\n".join(lines))
            return stack.enter_context(App(load(overrides=overrides, environ={}, cwd=tmp_path), environ={}))

        yield opened


class Buckets:
    """Makes pairs of buckets and puts objects into them."""

    def __init__(self, estate, account):
        self.estate, self.account = estate, account
        self.mark = uuid.uuid4().hex[:8]

    def call(self, region, operation, /, service="s3", account="", **params):
        return self.estate.call(account or self.account, region, service, operation, **params)

    def make(self, name, region, *, versioned=True, account="", **more):
        bucket = f"{self.mark}-{name}"
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.call(region, "CreateBucket", Bucket=bucket, account=account, **where, **more)
        if versioned:
            self.call(
                region,
                "PutBucketVersioning",
                Bucket=bucket,
                VersioningConfiguration={"Status": "Enabled"},
                account=account,
            )
        return bucket

    def pair(self, name="logs", *, objects=0, **more):
        source = self.make(name, SOURCE_REGION, **more)
        target = self.make(f"{name}-replica", TARGET_REGION, **more)
        self.fill(source, objects)
        return source, target

    def fill(self, bucket, objects, region=SOURCE_REGION):
        for number in range(objects):
            self.call(region, "PutObject", Bucket=bucket, Key=f"2026/é {number:03}+%.txt", Body=b"x" * number)

    def keys(self, bucket, region=TARGET_REGION):
        listed = self.call(region, "ListObjectsV2", Bucket=bucket).get("Contents", [])
        return [entry["Key"] for entry in listed if not entry["Key"].startswith(".windlass")]


@pytest.fixture
def buckets_of(account):
    return lambda app: Buckets(app.estate, account)
