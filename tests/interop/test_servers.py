"""Against servers nobody here wrote: the S3 part of the inventory must work there, too."""

import os
import sys

import pytest

from tests.interop.servers import free_port, running, s3_server
from windlass.aws.client import AwsClient
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

pytestmark = pytest.mark.interop
ACCOUNT = "111111111111"


@pytest.fixture(params=["moto", "rclone", "versitygw"])
def server(request, tmp_path):
    if request.param == "moto":
        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with running(command, port, tmp_path, environ=os.environ | {"MOTO_ACCOUNT_ID": ACCOUNT}):
            yield request.param, f"http://127.0.0.1:{port}"
    else:
        with s3_server(request.param, tmp_path, key=ACCOUNT, secret="windlass-local") as url:
            yield request.param, url


def test_buckets_are_collected_twice_without_a_difference(server, tmp_path):
    name, url = server
    config = EstateConfig(endpoint_url=url, regions=["us-east-1"], accounts=[AccountConfig(id=ACCOUNT)])
    with (
        open_estate(config, {}) as estate,
        AwsClient(estate) as client,
        open_store(StoreConfig(url=f"sqlite:///{tmp_path}/w.db")) as store,
    ):
        for number in range(3):
            estate.call(ACCOUNT, "us-east-1", "s3", "CreateBucket", Bucket=f"interop-{number}")
        inventory = Inventory(store, lambda: client, InventoryConfig())
        first = inventory.collect(inventory.options(types=["s3.bucket"]))
        again = inventory.collect(inventory.options(types=["s3.bucket"]))
    assert (first.created, again.created, again.updated, again.deleted) == (3, 0, 0, 0), name
