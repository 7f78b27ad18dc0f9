"""Facts from a Resource Data Sync's bucket: platforms first, each file once, broken files apart, and the command."""

import json
import threading
import time

import boto3
import pytest
from botocore.config import Config

from tests.command import run_windlass
from windlass.app import App
from windlass.cli import background
from windlass.core.errors import AwsError, NotFound
from windlass.facts.config import FactsConfig
from windlass.settings import load
from windlass_local.server import LocalServer

HOST = "i-0123456789abcdef0"
CAPTURED = {"captureTime": "2026-11-01T10:00:00Z", "schemaVersion": "1.0", "resourceId": HOST}
NODE = CAPTURED | {"PlatformName": "Ubuntu", "PlatformType": "Linux", "PlatformVersion": "24.04", "ComputerName": "web"}
ACCOUNT = "111111111111"


def key(type_name, host=HOST):
    where = f"accountid={ACCOUNT}/region=us-east-1/resourcetype=ManagedInstanceInventory"
    return f"inventory/{type_name}/{where}/{host}.json"


def lines(*rows):
    return "\n".join(json.dumps(row) for row in rows).encode()


@pytest.fixture(scope="module")
def aws():
    with LocalServer() as server:
        yield server


@pytest.fixture
def bucket(aws, request):
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": "us-east-1"}
    s3 = boto3.client("s3", endpoint_url=aws.url, config=Config(s3={"addressing_style": "path"}), **keys)
    name = f"sync-{abs(hash(request.node.name))}"
    s3.create_bucket(Bucket=name)
    packages = [
        CAPTURED | {"Name": "curl", "Version": "8.5.0-2"},
        CAPTURED | {"Name": "openssl", "Version": "3.0.13-1"},
    ]
    s3.put_object(Bucket=name, Key=key("AWS:Application"), Body=lines(*packages))
    s3.put_object(Bucket=name, Key=key("AWS:InstanceInformation"), Body=lines(NODE))
    s3.put_object(Bucket=name, Key="inventory/readme.json", Body=b"{}")
    yield s3, name
    s3.close()


@pytest.fixture
def folder(aws, tmp_path):
    (tmp_path / "windlass.toml").write_text(
        f'[estate]\nendpoint_url = "{aws.url}"\nregions = ["us-east-1"]\naccounts = [{{ id = "{ACCOUNT}" }}]\n'
        f'[store]\nurl = "sqlite:///{tmp_path}/w.db"\n'
    )
    return tmp_path


@pytest.fixture
def app(folder):
    with App(load(environ={}, cwd=folder), environ={}) as app:
        yield app


def test_the_platform_is_read_before_the_packages_that_it_decides_about(app, bucket):
    result = app.sync_import.import_sync(f"s3://{bucket[1]}/inventory/")
    assert (result.files, result.hosts, result.failures) == (2, {HOST}, {})
    assert [section.name for section in app.facts.sections(HOST)] == ["os", "packages.deb"]
    host = app.facts.host(HOST)
    assert (host.name, host.platform, host.account_id, host.region) == ("web", "linux", ACCOUNT, "us-east-1")


def test_a_file_is_read_again_only_when_it_changed(app, bucket):
    s3, name = bucket
    app.sync_import.import_sync(f"s3://{name}/inventory/")
    newer = CAPTURED | {"captureTime": "2026-11-02T10:00:00Z", "Name": "curl", "Version": "8.5.0-3"}
    s3.put_object(Bucket=name, Key=key("AWS:Application"), Body=lines(newer))
    result = app.sync_import.import_sync(f"s3://{name}/inventory/")
    assert (result.files, result.done_before) == (1, 1)
    assert [row["version"] for row in app.facts.section(HOST, "packages.deb").rows] == ["8.5.0-3"]


def test_a_broken_file_costs_only_itself_and_is_read_again(app, bucket):
    s3, name = bucket
    s3.put_object(Bucket=name, Key=key("AWS:Network"), Body=b"{broken")
    s3.put_object(Bucket=name, Key=key("AWS:AWSComponent"), Body=lines(CAPTURED | {"Version": "no name"}))
    for files in (2, 0):
        result = app.sync_import.import_sync(f"s3://{name}/inventory/")
        assert set(result.failures) == {f"s3://{name}/{key(each)}" for each in ("AWS:Network", "AWS:AWSComponent")}
        assert result.files == files
    assert app.facts.section(HOST, "packages.deb").count == 2


def test_a_dry_run_records_nothing(app, bucket):
    assert app.sync_import.import_sync(f"s3://{bucket[1]}/inventory/", dry_run=True).files == 2
    assert app.facts.hosts() == ()


def test_a_delivered_file_brings_its_platform_along(app, bucket):
    app.sync_import.delivered_file(bucket[1], key("AWS:Application"))
    assert [section.name for section in app.facts.sections(HOST)] == ["os", "packages.deb"]
    bucket[0].put_object(Bucket=bucket[1], Key=key("AWS:Network"), Body=b"{broken")
    with pytest.raises(AwsError):
        app.sync_import.delivered_file(bucket[1], key("AWS:Network"))


def test_a_bucket_that_does_not_exist(app):
    with pytest.raises(NotFound):
        app.sync_import.import_sync("s3://no-such-bucket-here/")


def test_the_command(folder, bucket):
    words = ["facts", "import", "--from", "ssm", f"s3://{bucket[1]}/inventory/", "-o", "json", "-q"]
    done = run_windlass(words, cwd=folder, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert {row["section"]: row["added"] for row in json.loads(done.stdout)} == {"os": 1, "packages.deb": 2}
    words[3] = "ansible"
    assert run_windlass(words, cwd=folder, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}).returncode == 252


def test_up_imports_the_configured_locations(folder, bucket):
    with (folder / "windlass.toml").open("a") as config:
        config.write(f'[facts]\nssm_interval_s = 3600\nsync_locations = ["s3://{bucket[1]}/inventory/"]\n')
    stop = threading.Event()
    with App(load(environ={}, cwd=folder), environ={}) as app, background.facts(app, stop):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and len(app.facts.hosts()) == 0:
            time.sleep(0.05)
        assert [host.host_id for host in app.facts.hosts()] == [HOST]


def test_a_location_is_in_a_bucket():
    with pytest.raises(ValueError, match="s3://BUCKET/PREFIX"):
        FactsConfig(sync_locations=["inventory/"])
