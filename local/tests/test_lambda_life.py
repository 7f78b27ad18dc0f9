"""Processes come when they are needed and go with whoever needed them: with their server, its process, their function."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from lambda_functions import ACCOUNT, TELL, Lab, fresh, is_running, processes, until
from windlass_local.lambda_.deployment import Deployment
from windlass_local.lambda_.outcome import Invocation, Throttled
from windlass_local.lambda_.process import RuntimeProcess
from windlass_local.lambda_.process_pool import ProcessPool
from windlass_local.server import LocalServer
from windlass_local.workers import Workers

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


def lab_of(server, made):
    """A lab on a server of the test's own; its clients are closed by the test."""

    def client(service, *, account, region):
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "windlass-local"}
        made.append(boto3.client(service, endpoint_url=server, region_name=region, config=config, **keys))
        return made[-1]

    return Lab(client)


@pytest.fixture
def made():
    clients = []
    yield clients
    for each in clients:
        each.close()


@linux
def test_a_server_that_closes_leaves_no_process(made):
    with LocalServer() as server:
        lab = lab_of(server.url, made)
        source = "import os, time\ndef handler(e, c):\n    time.sleep(e.get('s', 0))\n    return os.getpid()"
        name, other = (lab.function(source, Timeout=100) for _ in range(2))
        idle, _ = lab.call(name)
        busy = threading.Thread(target=answer_of, args=(lab, name), daemon=True)
        lab.send(other, {"s": 90})
        busy.start()
        until(lambda: all(any(p["busy"] for p in processes(server.url, each)) for each in (name, other)))
        pids = [each["pid"] for each in (*processes(server.url, name), *processes(server.url, other))]
        assert idle in pids
    until(lambda: not any(is_running(pid) for pid in pids))
    busy.join(20)
    assert not busy.is_alive()


def answer_of(lab, name):
    with contextlib.suppress(BotoCoreError):  # the connection may go before the answer does
        assert lab.call(name, {"s": 90})[0]["errorType"] == "Runtime.ExitError"


PROGRAM = """
import sys
from windlass_local.server import LocalServer
with LocalServer() as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def in_a_process(tmp_path):
    """An embedded AWS in a process of its own, until its stdin is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )


def test_nothing_is_left_on_disk(made, tmp_path):
    with in_a_process(tmp_path) as parent:
        lab = lab_of(parent.stdout.readline().strip(), made)
        folder, _ = lab.call(lab.function("import os\ndef handler(e, c): return os.getcwd()"))
        assert Path(folder).is_dir()
        parent.stdin.close()
        assert parent.wait(30) == 0
    assert list(tmp_path.iterdir()) == []


@linux
def test_processes_die_with_an_embedded_aws_that_was_killed(made, tmp_path):
    parent = in_a_process(tmp_path)
    try:
        lab = lab_of(parent.stdout.readline().strip(), made)
        source = """
import os, subprocess, time
child = subprocess.Popen(["sleep", "600"])
def handler(event, context):
    if event.get("spin"):
        while True: pass
    return [os.getpid(), child.pid]
"""
        name = lab.function(source, Timeout=300)
        pids, _ = lab.call(name)
        lab.send(name, {"spin": 1})
        until(lambda: any(each["busy"] for each in processes(lab.functions.meta.endpoint_url, name)))
        pids += [each["pid"] for each in processes(lab.functions.meta.endpoint_url, name)]
        assert all(is_running(pid) for pid in pids)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        parent.stdin.close()
        parent.stdout.close()
    until(lambda: not any(is_running(pid) for pid in pids))
    [left] = tmp_path.glob("windlass-lambda-*")
    again = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from windlass_local.lambda_.code import CodeStore as C; c = C(); c.temporary('x'); print(len(list(__import__('pathlib').Path({str(tmp_path)!r}).iterdir()))); c.clear()",
        ],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert again.stdout == "1\n"  # its own; the one that was left is gone
    assert not left.exists()


def test_deleting_a_function_ends_its_processes(aws, local_aws):
    lab = Lab(aws)
    name = lab.function("def handler(e, c): pass")
    lab.call(name)
    [process] = processes(local_aws.url, name)
    lab.functions.delete_function(FunctionName=name)
    assert processes(local_aws.url, name) == []
    until(lambda: not is_running(process["pid"]))


def test_the_estate_works_on_after_a_second_server_has_gone(aws, local_aws, made):
    lab = Lab(aws)
    message, _ = lab.queue()
    url, arn = lab.queue(VisibilityTimeout=30)
    source = "from tell import tell\ndef handler(event, context): tell(1)"
    name = lab.function(source, files={"tell.py": TELL}, Environment={"Variables": {"TELL": message}}, Timeout=20)
    lab.functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name)
    with LocalServer() as second:
        lab_of(second.url, made).call(name, {"Records": []})
        assert lab.received(message, 1) == [1]
    lab.sqs.send_message(QueueUrl=url, MessageBody="x")
    assert lab.received(message, 1) == [1]


def test_mappings_resume_with_the_next_server(made):
    with LocalServer() as server:
        lab = lab_of(server.url, made)
        message, _ = lab.queue()
        url, arn = lab.queue(VisibilityTimeout=30)
        source = "from tell import tell\ndef handler(event, context): tell(1)"
        name = lab.function(source, files={"tell.py": TELL}, Environment={"Variables": {"TELL": message}}, Timeout=20)
        lab.functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name)
        path = url.removeprefix(server.url), message.removeprefix(server.url)
    with LocalServer() as server:
        lab = lab_of(server.url, made)
        lab.functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": {"TELL": server.url + path[1]}}
        )
        lab.sqs.send_message(QueueUrl=server.url + path[0], MessageBody="x")
        assert lab.received(server.url + path[1], 1) == [1]


class FleetLab:
    """Real processes of trivial functions, without a server."""

    def __init__(self, tmp_path):
        self.folder = tmp_path
        (tmp_path / "main.py").write_text(
            "import os, time\ndef handler(event, context):\n    time.sleep(event.get('s', 0))\n    return os.getpid()"
        )

    def deployment(self, name, **more):
        return Deployment(
            **{
                "account_id": ACCOUNT,
                "region": "r",
                "name": name,
                "version": "$LATEST",
                "handler": "main.handler",
                "runtime": "python3.12",
                "role": "",
                "memory_mb": 128,
                "timeout_s": 30,
                "code": "c",
                "layers": (),
                "variables": (),
                "endpoint_url": "",
                **more,
            }
        )

    def start(self):
        variables = {
            "_HANDLER": "main.handler",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g",
            "AWS_LAMBDA_LOG_STREAM_NAME": "s",
        }
        temporary = self.folder / fresh("tmp")
        temporary.mkdir()
        return RuntimeProcess(
            folders=[str(self.folder)],
            variables=variables,
            memory_mb=128,
            timeout_s=30,
            stream="s",
            temporary=temporary,
        )

    def run(self, fleet, deployment, event=None, reserved=None):
        invocation = Invocation(request_id="i", arn="a", payload=json.dumps(event or {}).encode())
        outcome, _ = fleet.run(deployment, self.start, invocation, reserved=reserved)
        return int(outcome.payload)


def test_the_pool_is_bounded_and_keeps_the_most_recent(tmp_path):
    lab, fleet = FleetLab(tmp_path), ProcessPool(idle_limit=2)
    pids = [lab.run(fleet, lab.deployment(name)) for name in ("a", "b", "c")]
    assert [each["function"] for each in fleet.describe()] == ["b", "c"]
    until(lambda: not is_running(pids[0]))
    assert lab.run(fleet, lab.deployment("b")) == pids[1]
    fleet.drop(lambda _: True)
    assert fleet.describe() == []
    assert not any(is_running(pid) for pid in pids)


def test_an_idle_process_ends_after_its_time(tmp_path):
    lab, fleet = FleetLab(tmp_path), ProcessPool(idle_s=0.1)
    pid = lab.run(fleet, lab.deployment("a"))
    until(lambda: fleet.describe() == [])
    until(lambda: not is_running(pid))


def test_too_many_at_once_are_throttled(tmp_path):
    lab, fleet = FleetLab(tmp_path), ProcessPool(running_limit=1)
    busy = threading.Thread(target=lab.run, args=(fleet, lab.deployment("a"), {"s": 2}))
    busy.start()
    until(lambda: any(each["busy"] for each in fleet.describe()))
    with pytest.raises(Throttled) as caught:
        lab.run(fleet, lab.deployment("b"))
    assert caught.value.reason == "ConcurrentInvocationLimitExceeded"
    busy.join()
    assert lab.run(fleet, lab.deployment("b")) > 0
    fleet.drop(lambda _: True)


def test_a_process_that_died_while_idle_is_replaced(tmp_path):
    lab, fleet = FleetLab(tmp_path), ProcessPool()
    pid = lab.run(fleet, lab.deployment("a"))
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_running(pid))
    assert lab.run(fleet, lab.deployment("a")) != pid
    fleet.drop(lambda _: True)


def test_a_worker_keeps_the_order_and_none_stays_for_nothing(monkeypatch):
    monkeypatch.setattr("windlass_local.workers._LINGER_S", 0.05)
    workers, done = Workers("test-workers", 1), []
    workers.put(lambda: done.append("later"), after_s=0.3)
    for n in range(100):
        workers.put(lambda n=n: done.append(n))
    workers.put(lambda: 1 / 0)
    until(lambda: len(done) == 101)
    assert done == [*range(100), "later"]
    until(lambda: not any(each.name.startswith("test-workers") for each in threading.enumerate()))
    workers.put(lambda: done.append("again"))
    until(lambda: done[-1] == "again")


def test_idling_costs_nothing(aws, local_aws):
    """Mappings, warm processes and waiting retries: no thread of theirs runs while nothing happens."""
    lab = Lab(aws)
    for _ in range(3):
        _, arn = lab.queue(VisibilityTimeout=30)
        name = lab.function("def handler(e, c): raise ValueError")
        lab.call(name)
        lab.functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name)
        lab.send(name)
    until(lambda: not any(each["busy"] for each in all_processes(local_aws.url)))
    threads = {each.native_id for each in threading.enumerate() if each.name.startswith(("lambda", "s3-"))}

    def switches():
        result = 0
        for thread in threads:
            try:
                text = Path(f"/proc/self/task/{thread}/status").read_text()
            except OSError:
                continue
            result += sum(int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line)
        return result

    if sys.platform == "linux":
        before = switches()
        time.sleep(2)
        assert switches() - before < 40  # a loop that polls each 20 ms would have 100 for each of the threads


def all_processes(url):
    import urllib.request

    with urllib.request.urlopen(f"{url}/_windlass/functions", timeout=10) as answer:
        return json.load(answer)["processes"]


@pytest.mark.slow
def test_a_function_made_of_windlass_itself_works(aws, local_aws):
    """As `windlass build lambda` would ship it: the package in the zip, the credential policy of Lambda."""
    root = Path(__file__).parents[2] / "src"
    files = {str(path.relative_to(root)): path.read_bytes() for path in (root / "windlass").rglob("*.py")}
    lab = Lab(aws, account="222222222222")
    source = """
import os
from pathlib import Path
import windlass
from windlass.estate.service import Estate
from windlass.settings import load
def handler(event, context):
    config = load(environ=os.environ, cwd=Path.cwd()).settings.estate
    with Estate(config, os.environ) as estate:
        [identity] = estate.whoami().identities
        buckets = estate.call(identity.account_id, "us-east-1", "s3", "ListBuckets")["Buckets"]
        return [windlass.__file__, identity.arn, [bucket["Name"] for bucket in buckets]]
"""
    name, bucket = lab.function(source, files=files, Timeout=30, MemorySize=512), fresh("box")
    lab.client("s3").create_bucket(Bucket=bucket)
    message, response = lab.call(name)
    assert "FunctionError" not in response, message
    assert "windlass-lambda-" in message[0]
    assert message[1].startswith("arn:aws:sts::222222222222:assumed-role/")
    assert bucket in message[2]
