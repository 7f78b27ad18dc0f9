"""Every example of every `--help` runs: against one embedded AWS that holds what the examples name.

Not run but parsed, word for word: workers and servers, which run until they are stopped (PARSED; one of each kind is started
and stopped by tests/e2e), what needs a second machine or a PostgreSQL server, and what builds a zip from the wheels of another
platform. Ids that a user copies from a listing (job-01, token-01) are replaced by real ones.
"""

import contextlib
import io
import json
import shlex
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from tests.clients.logs import file_bytes, log_path, record, write
from tests.osquery.hosts import enrollment
from windlass.app import App
from windlass.cli.main import _run
from windlass.cli.reference import walk
from windlass.settings import load
from windlass_local.server import LocalServer

ACCOUNT = "111111111111"
CONFIG = """
[estate]
endpoint_url = "{url}"
regions = ["us-east-1", "eu-west-1"]
accounts = [{{ id = "111111111111" }}]
[store]
url = "sqlite:///windlass.db"
[replication]
poll_s = 0.1
canary_poll_s = 0.1
[[consume]]
name = "arrivals"
queue = "orders"
handler = "shop.orders:handle"
[[pipeline]]
name = "notes"
queue = "notes-events"
source = "s3://notes/"
transform = "yaml-to-json"
target = "s3://notes-json/{{dir}}{{stem}}.json"
on_error = "s3://notes-json/failed/"
[[aggregate]]
name = "refresh-scans"
queue = "scans-events"
buckets = ["scans"]
key = "bucket"
window_s = 30
table = "scans-windows"
timers = "scans-timers"
action = {{ kind = "sns-publish", topic_arn = "arn:aws:sns:us-east-1:111111111111:scans" }}
[[watch]]
name = "public-buckets"
on = "change"
where = ["type=s3.bucket"]
actions = [{{ kind = "exec", command = ["true"] }}]
[[replicate]]
name = "dr"
source = "scans"
destination = "scans-copy"
"""
TREE = list(walk())
GROUPS = sorted({name.split()[0] for name, command in TREE if getattr(command, "examples", ())})
PARSED = {  # group or command: why
    "up": "runs until it is stopped",
    "serve": "runs until it is stopped",
    "demo": "runs until it is stopped",
    "local": "is the embedded AWS itself",
    "consume": "runs until it is stopped",
    "pipeline run": "runs until it is stopped",
    "aggregate run": "runs until it is stopped",
    "clients trail verify": "asks for CloudTrail's public keys; tests/clients/test_digests.py has them",
    "inventory worker": "runs until it is stopped",
    "inventory feed": "runs until it is stopped",
    "watch run": "runs until it is stopped",
    "replicate worker": "joins the seed of another machine",
    "store reader": "needs a PostgreSQL server",
    "build lambda": "takes the wheels of another platform; tests/deploy/test_bundle.py builds",
    "deploy create": "builds a zip; tests/deploy/stacks builds and creates",
}
LAST = (
    "log",
    "delete",
    "drain",
    "purge",
    "disable",
    "revoke",
    "resume",
    "restore",
)  # the other verbs of the group still need it
CODES = {  # examples that find something, or that have nothing to do in this estate
    # What the examples of other groups collected before decides.
    "windlass check run --severity high": (1, 3),
    "windlass check run s3-public-policy s3-public-acl -o junit": (0, 1, 3),
    # No agent runs here: the host does not answer, and no instance has the tag.
    'windlass osquery query "SELECT name, version FROM os_version" --host web-1 --timeout 5s': 1,
    'windlass osquery query "SELECT pid, name FROM processes" --tag team=web --dry-run': 254,
    "windlass replicate resume scans": 252,  # the seed is done
    "windlass replicate cancel scans --yes": 254,  # the seed is done
    "windlass inventory show arn:aws:s3:::scans --at 2026-11-20": 254,
    "windlass clients report --fail-on sigv2,tls --accept-gaps -o csv": 3,
    "windlass pipeline retry notes --key broken.yaml --yes": 1,
}


def examples(group):
    """The examples of a group's commands, in the order in which they can run."""
    listed = [
        (name, line) for name, command in TREE if name.split()[0] == group for line in getattr(command, "examples", ())
    ]
    return sorted(listed, key=lambda item: item[0].split()[-1] in LAST)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a configuration, and an embedded AWS with everything that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    with LocalServer() as server, pytest.MonkeyPatch.context() as patch:
        (folder / "windlass.toml").write_text(CONFIG.format(url=server.url))
        (folder / "note.yaml").write_text("a: 1\n")
        (folder / "facts").mkdir()
        packages = {"openssl": [{"name": "openssl", "version": "3.0.2-0ubuntu1.15", "source": "apt"}]}
        facts = {"ansible_hostname": "web-1", "ansible_kernel": "5.15.0", "packages": packages}
        (folder / "facts" / "web-1").write_text(json.dumps({"ansible_facts": facts}))
        (folder / "inventory.json").write_text(json.dumps({"Entities": []}))
        (folder / "aws").write_text(
            "[profile audit]\naws_access_key_id = 111111111111\naws_secret_access_key = windlass-local\n"
        )
        patch.setenv("AWS_CONFIG_FILE", str(folder / "aws"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("HOME", str(folder))
        write(log_path(folder / "logs", 1), file_bytes([record()]))
        _fill(server.url, folder)
        yield folder


def _fill(url, folder):
    made = []

    def client(service, region="us-east-1"):
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": region}
        made.append(boto3.client(service, endpoint_url=url, config=Config(s3={"addressing_style": "path"}), **keys))
        return made[-1]

    s3, sqs = client("s3"), client("sqs")
    for name in ("scans", "scans-copy", "photos", "notes", "notes-json", "trail-logs"):
        s3.create_bucket(Bucket=name)
    for name in ("scans", "scans-copy"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="scans", Tagging={"TagSet": [{"Key": "team", "Value": "data"}]})
    for key in ("2026/a", "2026/b"):
        s3.put_object(Bucket="scans", Key=key, Body=key.encode())
    s3.put_object(Bucket="notes", Key="a.yaml", Body=b"a: 1\n")
    s3.put_object(Bucket="notes", Key="broken.yaml", Body=b"a: [1, 2\nb: }")
    path = log_path(folder / "logs", 1)
    s3.put_object(Bucket="trail-logs", Key=f"AWSLogs/{path.relative_to(folder / 'logs')}", Body=path.read_bytes())
    dead = sqs.create_queue(QueueName="orders-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    orders = sqs.create_queue(QueueName="orders", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    for queue in (orders, dead):
        sqs.send_message(QueueUrl=queue, MessageBody='{"order": 1}')
    for name in ("notes-events", "scans-events"):
        sqs.create_queue(QueueName=name)
    client("sns").create_topic(Name="scans")
    client("elasticache").create_cache_cluster(
        CacheClusterId="sessions", Engine="memcached", CacheNodeType="cache.t4g.micro", NumCacheNodes=2
    )
    for entry in made:
        entry.close()


@pytest.fixture
def run(world, monkeypatch):
    """Runs a command line in the world's folder: exit code, stdout, stderr."""
    monkeypatch.chdir(world)

    def run(line):
        words = shlex.split(line.removeprefix("windlass "))
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            code = _run(words, debug=False)
        return code, out.getvalue(), err.getvalue()

    return run


def prepared(group, run):
    """Run what a user has run before, and return what stands for the ids of the examples."""
    if group in ("inventory", "jobs", "check"):
        assert run("windlass inventory collect -t s3.bucket -t 'sqs.*' -q")[0] == 0
    if group == "facts":
        assert run("windlass facts import --from ansible facts")[0] == 0
    if group == "jobs":
        return {"job-01": _queued_job(run)}
    if group == "token":
        return {"token-01": run("windlass token create --name ci")[1].split()[0]}
    if group == "osquery":
        _enrolled_host()
    if group == "aggregate":
        assert run("windlass aggregate init refresh-scans")[0] == 0
        assert run("windlass aggregate trigger refresh-scans scans")[0] == 0
    return {}


def _enrolled_host():
    with App(load(environ={}, cwd=Path.cwd()), environ={}) as app:
        secret = app.osquery.create_secret("web").reveal()
        assert app.osquery.agents.enroll(enrollment(secret), "")["node_key"]


def _queued_job(run):
    """A collection that waits, as the console's button leaves one: it can be cancelled, and resumed."""
    (done, *_) = json.loads(run("windlass jobs list -o json")[1])
    params = json.loads(run(f"windlass jobs show {done['job_id']}")[1])["params"]
    with App(load(environ={}, cwd=Path.cwd()), environ={}) as app:
        return app.jobs.create(done["kind"], done["title"], params=params)


@pytest.mark.parametrize("group", GROUPS)
def test_every_example_runs(group, run):
    ids = prepared(group, run)
    failed = []
    for name, line in examples(group):
        if PARSED.get(name) or PARSED.get(group):
            parses(name, line)
            continue
        real = line
        for placeholder, value in ids.items():
            real = real.replace(placeholder, value)
        code, _, err = run(real)
        expected = CODES.get(line, 0)
        if code not in (expected if isinstance(expected, tuple) else (expected,)) or "Traceback" in err:
            failed.append(f"{line}: exit {code}: {err}")
    assert not failed, "\n".join(failed)


def parses(name, line):
    """The example's words are options and arguments of its command."""
    command = dict(TREE)[name]
    words = shlex.split(line)
    start = len(words) - next(at for at, word in enumerate(reversed(words)) if word == name.split()[-1])
    assert command.make_context(f"windlass {name}", words[start:]).params
