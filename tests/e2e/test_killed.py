"""kill -9 in the middle of work: the next process goes on with the same run and the same job, at once."""

import contextlib
import json
import signal
import sqlite3
import time
import uuid
from datetime import datetime, timedelta

import boto3
import pytest

from tests.command import start_windlass
from tests.e2e.test_collect import ENV, faults
from windlass_local.server import LocalServer


@pytest.fixture(scope="module")
def aws():
    with LocalServer() as server:
        yield server.url


@pytest.fixture
def home(tmp_path, aws):
    account = f"{uuid.uuid4().int % 10**12:012}"
    (tmp_path / "windlass.toml").write_text(
        f'[estate]\nendpoint_url = "{aws}"\nregions = ["us-east-1", "eu-west-1"]\n[[estate.accounts]]\nid = "{account}"\n'
        f'[store]\nurl = "sqlite:///{tmp_path}/w.db"\n[inventory]\nconcurrency = 4\n[log]\nformat = "json"\n',
        "utf-8",
    )
    (tmp_path / "account").write_text(account)
    yield tmp_path
    faults(aws, [])


def started(home, *words):
    file = home / f"log-{uuid.uuid4().hex[:6]}"
    with file.open("wb") as log:
        process = start_windlass(words, cwd=home, env=ENV | {"HOME": str(home)}, stderr=log)
    process.log = file
    return process


def asked(home, statement):
    if not (home / "w.db").exists():
        return []
    with contextlib.closing(sqlite3.connect(home / "w.db", timeout=30)) as database:
        try:
            return database.execute(statement).fetchall()
        except sqlite3.OperationalError:  # it is being made
            return []


def until(look, process, *, within_s=240):
    """What `look` returns once that is true."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        assert process.poll() is None, process.log.read_text()[-2000:]
        time.sleep(0.05)
    raise AssertionError(process.log.read_text()[-2000:])


def events(process):
    """The log's lines by event: when each came first."""
    first = {}
    for line in process.log.read_text().splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            first.setdefault(entry["event"], datetime.fromisoformat(entry["timestamp"]))
    return first


@pytest.mark.timeout(600)
def test_after_kill_9_of_windlass_up_the_next_start_goes_on_with_the_same_run(home, aws):
    faults(aws, [{"kind": "latency", "latency_ms": 100}])
    first = started(home, "up", "--port", "0")
    try:
        until(lambda: asked(home, "SELECT 1 FROM run WHERE scopes_done > 5"), first)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    ((run_id, done, total),) = asked(home, "SELECT run_id, scopes_done, scopes_total FROM run")
    ((ends_at,),) = asked(home, "SELECT expires_at FROM lease WHERE name = 'inventory.collect'")
    assert done < total, "it was killed in the middle"
    second = started(home, "up", "--port", "0")
    try:
        until(lambda: asked(home, f"SELECT 1 FROM run WHERE scopes_done > {done}"), second)
        seen = events(second)
        assert seen["lease.taken_over"] < datetime.fromisoformat(ends_at), "no lease was waited for"
        assert seen["collection.resumed"] - seen["lease.taken_over"] < timedelta(seconds=5)
        faults(aws, [])
        until(lambda: asked(home, "SELECT 1 FROM run WHERE finished_at IS NOT NULL"), second)
    finally:
        second.send_signal(signal.SIGTERM)
        second.wait(60)
    ((same_id, status, visited, _),) = asked(home, "SELECT run_id, status, scopes_done, scopes_total FROM run")
    assert (same_id, visited) == (run_id, total), "one run, each scope visited once"
    assert status in ("done", "partial")
    ((attempt, status, holder),) = asked(home, "SELECT attempt, status, holder FROM job")
    assert (attempt, status) == (2, "done")
    assert f"(pid {second.pid})" in holder


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 5))])
def test_replicate_resume_works_at_once_after_kill_9(home, aws, number):
    account = (home / "account").read_text()
    source, target = f"killed-{account}", f"killed-{account}-replica"
    for bucket, region in ((source, "us-east-1"), (target, "eu-west-1")):
        s3 = boto3.client(
            "s3",
            endpoint_url=aws,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="windlass-local",
        )
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **place)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        if region == "us-east-1":
            for key in range(300):
                s3.put_object(Bucket=bucket, Key=f"{key:04}", Body=b"x")
    (home / "windlass-policy.toml").write_text(
        (home / "windlass.toml").read_text()
        + f'[[replicate]]\nname = "killed"\nmethod = "direct"\npairs = [["{source}", "{target}"]]\n'
    )
    faults(aws, [{"kind": "latency", "latency_ms": 400, "operation": "CopyObject"}])
    first = started(home, "replicate", "seed", source, target, "--method", "direct", "-q")
    try:
        until(lambda: asked(home, "SELECT 1 FROM replication_seed WHERE state = 'copying'"), first)
        time.sleep(0.1 * number)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    ((job_id, status),) = asked(home, "SELECT job_id, status FROM job")
    assert status == "running", "nobody has looked since"
    faults(aws, [])
    resumed = started(home, "replicate", "resume", job_id, "-q")
    assert resumed.wait(240) == 0, resumed.log.read_text()
    assert asked(home, "SELECT status, attempt FROM job") == [("done", 2)]
    assert [row[0] for row in asked(home, "SELECT state FROM replication_seed")] == ["done"]
