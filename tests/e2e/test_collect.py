"""The main job end to end, through the real command against a real server process: what the issue must show."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request

import boto3
import pytest
from botocore.config import Config

from tests.command import run_windlass, start_windlass
from tests.examples import EVERYTHING

ENV = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
ACCOUNTS = ("111111111111", "222222222222")
# `make test-all` collects every type.
SELECTION = () if EVERYTHING else ("-t", "s3.*", "-t", "sqs.*", "-t", "ec2.*")


def windlass(*words, cwd, check=True, **env):
    done = run_windlass(words, cwd=cwd, env=ENV | {"HOME": str(cwd)} | env)
    assert not check or done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """The embedded AWS as users start it, with two accounts of a few buckets."""
    folder = tmp_path_factory.mktemp("aws")
    command = [sys.executable, "-m", "windlass", "local", "up", "--port", "0", "--no-populate", "--with-parent"]
    log = (folder / "log").open("wb")
    with (
        log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder, env=ENV
        ) as server,
    ):
        url = server.stdout.readline().strip()
        for account in ACCOUNTS:
            for number in range(12):
                region = ("us-east-1", "eu-west-1", "eu-central-1")[number % 3]
                location = "EU" if number == 1 else region
                place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": location}}
                client(url, "s3", account, region).create_bucket(Bucket=f"b{account[0]}-{number}", **place)
        yield url
        server.stdin.close()
        server.wait(20)


def client(url, service, account=ACCOUNTS[0], region="us-east-1"):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="windlass-local",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def home(tmp_path, aws, least_privilege):
    least_privilege.watch(aws)
    accounts = "\n".join(f'[[estate.accounts]]\nid = "{account}"' for account in ACCOUNTS)
    (tmp_path / "windlass.toml").write_text(
        f'[estate]\nendpoint_url = "{aws}"\nregions = ["us-east-1", "eu-west-1"]\n{accounts}\n[store]\nurl = "sqlite:///{tmp_path}/w.db"\n'
    )
    faults(aws, [])
    yield tmp_path
    faults(aws, [])


def faults(url, rules):
    request = urllib.request.Request(f"{url}/_windlass/faults", method="PUT", data=json.dumps(rules).encode())
    urllib.request.urlopen(request, timeout=10).close()


def calls(url, **wanted):
    query = "&".join(f"{key}={value}" for key, value in wanted.items())
    with urllib.request.urlopen(f"{url}/_windlass/calls?{query}", timeout=20) as answer:
        return json.load(answer)["calls"]


def clear_calls(url):
    urllib.request.urlopen(urllib.request.Request(f"{url}/_windlass/calls", method="DELETE"), timeout=10).close()


def collect(home, *words, check=True):
    done = windlass("inventory", "collect", "-q", "-o", "json", *words, cwd=home, check=check)
    return json.loads(done.stdout)[0] if done.stdout else {}


def rows(home, *words):
    return json.loads(windlass("inventory", *words, "-o", "json", cwd=home).stdout)


def test_one_listing_per_account_and_no_call_to_a_wrong_region(home, aws):
    clear_calls(aws)
    collect(home, "-t", "s3.bucket")
    made = calls(aws, service="s3")
    listings = [entry for entry in made if entry["operation"] == "ListBuckets"]
    assert sorted(listing["account_id"] for listing in listings) == list(ACCOUNTS)
    assert [entry for entry in made if entry["status"] in (301, 307, 400)] == []
    details = [entry for entry in made if entry["operation"] != "ListBuckets"]
    assert len({detail["operation"] for detail in details}) >= 22
    assert len(details) == 24 * 22
    assert [entry for entry in made if entry["operation"] == "GetBucketLocation"] == []


def test_an_unchanged_estate_writes_nothing_and_a_change_is_one_revision(home, aws):
    first = collect(home, *SELECTION)
    again = collect(home, *SELECTION)
    assert first["created"] == first["resources"] > 24
    assert (again["created"], again["updated"], again["deleted"]) == (0, 0, 0)
    tags = {"TagSet": [{"Key": "team", "Value": "web"}]}
    client(aws, "s3").put_bucket_tagging(Bucket="b1-0", Tagging=tags)
    third = collect(home, *SELECTION)
    assert (third["created"], third["updated"], third["deleted"]) == (0, 1, 0)
    (newest, _) = rows(home, "history", "b1-0")
    assert newest["patch"] in (
        [{"op": "replace", "path": "/Tags", "value": {"team": "web"}}],
        [{"op": "add", "path": "/Tags/team", "value": "web"}],
    )
    client(aws, "s3").delete_bucket_tagging(Bucket="b1-0")


def test_a_denied_scope_never_deletes(home, aws):
    before = collect(home, *SELECTION)["resources"]
    faults(
        aws,
        [
            {"kind": "access_denied", "account": ACCOUNTS[1], "service": "s3", "operation": "ListBuckets"},
            {"kind": "access_denied", "service": "ec2", "region": "eu-west-1"},
        ],
    )
    done = windlass("inventory", "collect", "-q", *SELECTION, cwd=home, check=False)
    assert done.returncode == 1
    assert "scopes could not be read" in done.stderr
    assert "0 deleted" in done.stdout
    denied = rows(home, "runs", "--state", "denied", "-n", "0")
    assert {entry["error_code"] for entry in denied} == {"AccessDenied", "UnauthorizedOperation"}
    faults(aws, [])
    again = collect(home, *SELECTION)
    assert (again["resources"], again["created"], again["deleted"]) == (before, 0, 0)


def test_a_dead_region_holds_up_nobody_and_deletes_nothing(home, aws):
    collect(home, "-t", "sqs.*", "-t", "s3.bucket")
    faults(aws, [{"kind": "drop", "region": "eu-west-1"}])
    done = windlass("inventory", "collect", "-q", "-t", "sqs.*", "-t", "s3.bucket", cwd=home, check=False)
    assert done.returncode == 1
    assert "0 deleted" in done.stdout
    states = {(row["region"], row["type"]): row["state"] for row in rows(home, "runs", rows(home, "runs")[0]["run_id"])}
    assert states["us-east-1", "sqs.queue"] == "ok"
    assert states["eu-west-1", "sqs.queue"] == "timeout"


def test_a_bucket_deleted_in_mid_collection_is_gone_with_the_next_listing_and_no_error(home, aws):
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket="b1-short-lived")
    collect(home, "-t", "s3.bucket")
    # The listing still has it, every detail says NoSuchBucket: as when it is deleted between the two.
    faults(aws, [{"kind": "error", "status": 404, "code": "NoSuchBucket", "service": "s3", "path": "/b1-short-lived*"}])
    run = collect(home, "-t", "s3.bucket")
    assert (run["status"], run["deleted"], run["errors"]) == ("done", 0, 0)
    faults(aws, [])
    s3.delete_bucket(Bucket="b1-short-lived")
    assert collect(home, "-t", "s3.bucket")["deleted"] == 1


def test_kill_9_in_mid_run_leaves_whole_scopes_and_resumes(home, aws):
    faults(aws, [{"kind": "latency", "latency_ms": 40}])
    process = start_windlass(["inventory", "collect", "-q", *SELECTION], cwd=home, env=ENV | {"HOME": str(home)})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _done(home) < 20:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    faults(aws, [])
    done = _done(home)
    assert done >= 20
    with sqlite3.connect(f"{home}/w.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        # Every resource has its revision and every revision its resource: no scope was half written.
        assert database.execute(
            "select count(*) from resource where revision_id not in (select revision_id from revision)"
        ).fetchone() == (0,)
        assert (
            database.execute("select sum(resources) from scope where state = 'ok'").fetchone()
            == database.execute("select count(*) from resource").fetchone()
        )
    database.close()
    (job,) = json.loads(windlass("jobs", "list", "-o", "json", cwd=home).stdout)
    assert job["status"] == "interrupted"
    clear_calls(aws)
    run = collect(home, "--resume")
    assert run["status"] == "done"
    assert run["scopes_done"] == run["scopes_total"]
    assert len(rows(home, "runs")) == 1, "it is the same run that went on"


def _done(home):
    try:
        with sqlite3.connect(f"file:{home}/w.db?mode=ro", uri=True, timeout=5) as database:
            found = database.execute("select scopes_done from run").fetchone()
        database.close()
    except sqlite3.OperationalError:
        return 0
    return found[0] if found else 0


def test_help_is_quick_and_imports_nothing_heavy(tmp_path):
    script = "import sys; sys.argv = ['windlass', '--help']\nfrom windlass.cli.main import main\ntry: main()\nexcept SystemExit: pass\nprint([m for m in ('boto3', 'botocore', 'sqlalchemy', 'pydantic', 'fastapi', 'moto') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip().endswith("[]"), done.stdout[-200:]
    assert re.search(r"inventory\s+Know what exists", done.stdout)


@pytest.mark.unproved("it ends before AWS is called")
@pytest.mark.parametrize(
    ("words", "env", "code", "says"),
    [
        (["inventory", "collect"], {}, 253, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"),
        (
            ["inventory", "collect"],
            {"WINDLASS_ENV": "production", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"},
            253,
            "production-like",
        ),
        (["--endpoint-url", "http://127.0.0.1:1", "inventory", "collect"], {}, 254, "can't be reached"),
        (["--config", "nope.toml", "inventory", "list"], {}, 253, "nope.toml"),
        (["--store", "mysql://x", "inventory", "list"], {}, 253, "mysql"),
        (["inventory", "show", "nothing"], {}, 254, "no resource"),
        (["inventory", "list", "--sort", "beauty"], {}, 252, "is not a sort order"),
        (["inventory", "list", "-w", "!!"], {}, 252, "not a condition"),
        (
            ["inventory", "collect", "-t", "s4.*"],
            {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"},
            252,
            "matches no resource type",
        ),
        (["inventroy"], {}, 252, "Did you mean `windlass inventory`?"),
        (["jobs", "show", "job_x"], {}, 254, "does not exist"),
        (["local", "status", "--url", "http://127.0.0.1:1"], {}, 254, "no embedded AWS answers"),
        (["serve", "--host", "0.0.0.0", "--port", "0"], {}, 253, "without a token"),
    ],
)
def test_bad_input_is_said_clearly(tmp_path, words, env, code, says):
    done = windlass(*words, cwd=tmp_path, check=False, **env)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "hint:" in done.stderr


@pytest.mark.unproved("it ends before AWS is called")
def test_every_fault_of_the_configuration_is_listed_at_once(tmp_path):
    (tmp_path / "windlass.toml").write_text("[inventry]\nx = 1\n[inventory]\nconcurency = 3\ninterval_s = 1\n")
    done = windlass("config", "validate", cwd=tmp_path, check=False)
    assert done.returncode == 253
    for words in ("inventry", "did you mean inventory?", "did you mean concurrency?", "interval_s"):
        assert words in done.stderr


@pytest.mark.unproved("it ends before AWS is called")
def test_a_corrupt_database_is_said_and_left_alone(tmp_path):
    (tmp_path / "windlass.db").write_bytes(b"not a database at all " * 100)
    before = (tmp_path / "windlass.db").read_bytes()
    done = windlass("inventory", "list", cwd=tmp_path, check=False)
    assert done.returncode == 255
    assert "damaged" in done.stderr
    assert (tmp_path / "windlass.db").read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting a small tmpfs needs root on Linux")
def test_a_full_disk_is_reported_and_loses_nothing(home, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(disk)], capture_output=True, check=False
    ).returncode:
        pytest.skip("this sandbox does not allow mounting")
    try:
        url = f"sqlite:///{disk}/w.db"
        done = windlass("--store", url, "inventory", "collect", "-q", cwd=home, check=False)
        assert done.returncode == 255
        assert "the disk is full" in done.stderr
        assert "nothing is lost" in done.stderr
        with sqlite3.connect(f"file:{disk}/w.db?mode=ro", uri=True) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
