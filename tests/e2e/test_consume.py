"""`windlass consume` as its users run it: real processes, killed, stopped, misconfigured."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import boto3
import pytest

from tests.command import run_windlass, start_windlass
from tests.examples import examples
from windlass_local.server import LocalServer

HANDLER = """
import os, time
FILE = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

async def fast(message):
    os.write(FILE, (message.body + "\\n").encode())

def slow(message):
    time.sleep(float(message.body))
    os.write(FILE, (message.body + "\\n").encode())

def hung(message):
    time.sleep(3600)
"""
MESSAGES = examples(50_000, least=30_000)  # more than three killed workers can handle in their seconds
NO_CALL = pytest.mark.unproved("it ends before AWS is called")


@pytest.fixture(scope="module")
def aws():
    with LocalServer() as server:
        yield server


ACCOUNT = "111111111111"


def described(folder, *queues):
    """What command lines say, as the windlass.toml that its policy is made from."""
    entries = [f'[[consume]]\nqueue = "{queue}"\nhandler = "hand:fast"\n' for queue in queues]
    accounts = f'[estate]\naccounts = [{{ id = "{ACCOUNT}" }}]\n'
    (folder / "windlass-policy.toml").write_text(accounts + "".join(entries), "utf-8")


@pytest.fixture
def queue(aws, request):
    client = boto3.client(
        "sqs",
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="windlass-local",
    )
    name = f"e2e-{abs(hash(request.node.name)) % 10**9}"
    url = client.create_queue(QueueName=name)["QueueUrl"]
    yield client, url
    client.close()


@pytest.fixture
def start(aws, tmp_path):
    (tmp_path / "hand.py").write_text(HANDLER, "utf-8")
    started = []

    def run(*arguments, seen="seen", env=None, **settings):
        fast = {"wait_s": 1, "read_timeout_s": 11, "visibility_s": 12, "drain_s": 3} | settings
        if "--queue" in arguments:
            described(tmp_path, arguments[arguments.index("--queue") + 1])
        command = ["consume", *arguments]
        for key, value in fast.items():
            command += ["--setting", f"{key}={value}"]
        environment = (
            os.environ
            | {
                "SEEN": str(tmp_path / seen),
                "WINDLASS_ESTATE_ENDPOINT_URL": aws.url,
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "WINDLASS_STORE_URL": f"sqlite:///{tmp_path}/windlass.db",
            }
            | (env or {})
        )
        started.append(
            start_windlass(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
        return started[-1]

    yield run
    for entry in started:
        entry.kill()
        entry.communicate()


def waiting(queue):
    client, url = queue
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def fill(queue, bodies):
    client, url = queue
    for at in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[at : at + 10])]
        client.send_message_batch(QueueUrl=url, Entries=entries)


def lines(path):
    return path.read_text("utf-8").split() if path.exists() else []


KILLS = examples(8, least=3)


@pytest.mark.timeout(280)
def test_killed_again_and_again_every_message_is_handled_and_none_deleted_unhandled(queue, start, tmp_path):
    _, url = queue
    fill(queue, [f"m{n}" for n in range(MESSAGES)])
    rng, kills, deadline = random.Random(3), 0, time.monotonic() + 240
    while waiting(queue):
        assert time.monotonic() < deadline, f"{waiting(queue)} messages are left"
        worker = start(
            "--queue", url, "--handler", "hand:fast", "--concurrency", "40", "--no-store", seen=f"seen{kills}"
        )
        if kills >= KILLS:
            while waiting(queue) and time.monotonic() < deadline:
                time.sleep(0.2)
            break
        time.sleep(1.0 + rng.random() * 1.2)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        kills += 1
    handled = [line for number in range(kills + 1) for line in lines(Path(tmp_path / f"seen{number}"))]
    assert set(handled) >= {f"m{n}" for n in range(MESSAGES)}, "a message was deleted that nobody handled"
    assert kills >= 3


def test_sigterm_lets_handlers_end_gives_the_rest_back_and_exits_with_0(queue, start, tmp_path):
    fill(queue, ["0.8"] * 10)
    worker = start("--queue", queue[1], "--handler", "hand:slow", "--concurrency", "4")
    wait_until(lambda: "consumer.started" in worker.stderr.readline())
    time.sleep(0.4)
    worker.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert worker.wait(10) == 0
    assert time.monotonic() - began < 5
    done = len(lines(tmp_path / "seen"))
    assert done == 4
    wait_until(lambda: visible(queue) == 6, 2)


def test_a_hung_handler_holds_up_no_exit_and_its_message_is_back_at_once(queue, start):
    fill(queue, ["1"])
    worker = start("--queue", queue[1], "--handler", "hand:hung")
    wait_until(lambda: "consumer.started" in worker.stderr.readline())
    time.sleep(0.5)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    wait_until(lambda: visible(queue) == 1, 1)


def test_a_second_signal_exits_now(queue, start):
    fill(queue, ["1"])
    worker = start("--queue", queue[1], "--handler", "hand:hung", drain_s=25)
    wait_until(lambda: "consumer.started" in worker.stderr.readline())
    time.sleep(0.5)
    worker.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(3) == 130


@NO_CALL
def test_a_read_timeout_below_the_long_poll_is_refused_at_start_with_the_reason(queue, start):
    worker = start("--queue", queue[1], "--handler", "hand:fast", wait_s=20, read_timeout_s=15, visibility_s=60)
    _, said = worker.communicate(timeout=20)
    assert worker.returncode == 253
    assert "read_timeout_s = 15 is too short for wait_s = 20" in said
    assert "hint: Set read_timeout_s to at least 30" in said


@NO_CALL
@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00"},
            "static",
        ),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "node"),
    ],
)
def test_a_production_environment_refuses_static_keys_and_the_nodes_role(environment, said, start):
    production = {
        "WINDLASS_ENV": "production",
        "WINDLASS_ESTATE_ENDPOINT_URL": "",
        "AWS_EC2_METADATA_DISABLED": "false",
    }
    worker = start("--queue", "q", "--handler", "hand:fast", "--no-store", env=production | environment)
    out, error = worker.communicate(timeout=30)
    assert worker.returncode == 253
    assert said in error.lower()
    assert "wJalrXUtnFEMI" not in out + error


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--queue", "no-such-queue", "--handler", "hand:fast"], 254, "NonExistentQueue"),
        pytest.param(["--queue", "q"], 252, "--handler is not given", marks=NO_CALL),
        pytest.param(["--queue", "q", "--handler", "hand:nothing"], 253, "has no function nothing", marks=NO_CALL),
        pytest.param(
            ["--queue", "q", "--handler", "hand:fast", "--setting", "visibility=3"], 252, "visibility", marks=NO_CALL
        ),
        pytest.param(
            ["--queue", "q", "--handler", "hand:fast", "--transport", "carrier-pigeon"], 252, "transport", marks=NO_CALL
        ),
        pytest.param(["nobody"], 254, "no [[consume]] entry", marks=NO_CALL),
    ],
)
def test_what_can_be_said_wrong_is_said_in_one_line(arguments, code, said, start):
    worker = start(*arguments)
    _, error = worker.communicate(timeout=20)
    assert worker.returncode == code
    assert said in error
    assert "Traceback" not in error


def test_the_queue_commands_end_to_end(queue, aws, tmp_path):
    _, url = queue
    name = url.rpartition("/")[2]
    described(tmp_path, name, "nope")
    environment = os.environ | {
        "WINDLASS_ESTATE_ENDPOINT_URL": aws.url,
        "WINDLASS_STORE_URL": f"sqlite:///{tmp_path}/w.db",
    }

    def windlass(*arguments, stdin="", code=0):
        done = run_windlass(["queue", *arguments], cwd=tmp_path, env=environment, stdin=stdin)
        assert done.returncode == code, done.stderr
        return done.stdout

    windlass("send", name, stdin="one\ntwo\n\nthree\n")
    (row,) = json.loads(windlass("stats", name, "-o", "json"))
    assert (row["visible"], row["in_flight"]) == (3, 0)
    assert {load["body"] for load in json.loads(windlass("peek", name, "-o", "json"))} == {"one", "two", "three"}
    watched = [
        json.loads(line)
        for line in windlass("watch", name, "--times", "2", "--interval", "200ms", "-o", "jsonl").splitlines()
    ]
    assert [entry["visible"] for entry in watched] == [3, 3]
    assert "would move 3 messages" in windlass("drain", name, "--file", "out.jsonl", "--dry-run")
    windlass("drain", name, "--file", "out.jsonl", "--yes")
    assert {json.loads(line)["body"] for line in (tmp_path / "out.jsonl").read_text().splitlines()} == {
        "one",
        "two",
        "three",
    }
    assert "NonExistentQueue" in run_windlass(["queue", "stats", "nope"], env=environment, cwd=tmp_path).stderr


def visible(queue):
    client, url = queue
    return int(
        client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"]
    )


def wait_until(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
