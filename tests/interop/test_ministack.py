"""Every type against MiniStack, an AWS emulator that nobody here wrote (PyPI: ministack).

Installed anywhere: on the PATH, or named by WINDLASS_MINISTACK. `pytest -s` prints what it refused.
"""

import os
import shutil
import time
from collections import Counter

import boto3
import pytest

from tests.interop.servers import free_port, running
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.inventory.config import InventoryConfig
from windlass.inventory.model import Query, ScopeState
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

pytestmark = pytest.mark.interop
ACCOUNT, REGION = "111111111111", "us-east-1"
COMMAND = os.environ.get("WINDLASS_MINISTACK") or shutil.which("ministack")  # tests see no WINDLASS_ variables
PORTS = ("IOT_MTLS_PORT", "SFTP_PORT", "SFTP_BASE_PORT", "REDIS_PORT")


@pytest.fixture
def ministack(tmp_path):
    if not COMMAND:
        pytest.skip("no ministack on the PATH and no WINDLASS_MINISTACK (PyPI: ministack)")
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        **{name: str(free_port()) for name in PORTS},
    }
    with running([COMMAND], port, tmp_path, environ=environ):
        yield f"http://127.0.0.1:{port}"


def _furnish(url):
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "secret", "region_name": REGION}
    made = {
        "sqs": lambda client: client.create_queue(QueueName="orders"),
        "dynamodb": lambda client: client.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        ),
        "codebuild": lambda client: client.create_project(
            name="site",
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
            serviceRole=f"arn:aws:iam::{ACCOUNT}:role/build",
        ),
    }
    for service, make in made.items():
        make(boto3.client(service, endpoint_url=url, **keys))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_type_is_collected_or_refused_and_a_second_collection_changes_nothing(ministack, tmp_path):
    _furnish(ministack)
    config = EstateConfig(
        endpoint_url=ministack, regions=[REGION], accounts=[AccountConfig(id=ACCOUNT)], retries=0, max_connections=8
    )
    store = open_store(StoreConfig(url=f"sqlite:///{tmp_path / 'windlass.db'}"))
    with open_estate(config, {}) as estate:
        inventory = Inventory(store, lambda: estate, InventoryConfig(automatic=True, concurrency=8), single_server=True)
        started_s = time.monotonic()
        first = inventory.collect(inventory.options())
        first_s = time.monotonic() - started_s
        started_s = time.monotonic()
        second = inventory.collect(inventory.options())
        second_s = time.monotonic() - started_s
        states = Counter()
        for row in inventory.coverage():
            states[row.state] += row.scopes
        failed = [status for status in inventory.scopes() if not status.state.complete]
    print(
        f"\nfirst: {first.scopes_done:,} scopes, {first.calls:,} calls, {first.resources:,} resources, {first_s:.1f} s"
    )
    print(f"again: {second.scopes_done:,} scopes, {second.calls:,} calls, {second_s:.1f} s, {second.updated} updated")
    print(dict(Counter(row.type for row in inventory.list(Query(limit=1000)).rows)))
    for status in failed:
        print(status.scope.type, status.state, status.error_code, status.error[:120])
    refused = Counter(
        (row.service, row.state) for row in inventory.coverage() if row.state not in (ScopeState.OK, ScopeState.PARTIAL)
    )
    print(f"{len(refused)} services refused something: {sorted(service for service, _ in refused)}")
    assert {"sqs.queue", "dynamodb.table", "codebuild.project"} <= {
        row.type for row in inventory.list(Query(limit=1000)).rows
    }
    assert first.scopes_done > 1_700
    assert second.created == second.updated == second.deleted == 0
    # What MiniStack does not implement it refuses without a request id: no answer of AWS, which is asked again each time.
    assert second.scopes_done < first.scopes_done
    store.close()
