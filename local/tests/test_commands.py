"""The command `windlass-local`, run as a process: what it prints, when it ends, and its exit codes."""

import contextlib
import json
import signal
import subprocess
import sys
import urllib.request

import pytest

from windlass_local.commands import COMMANDS
from windlass_local.scenarios import SCENARIOS

ACCOUNT = "777777777020"
COMMAND = [sys.executable, "-m", "windlass_local"]


@contextlib.contextmanager
def started(*words):
    process = subprocess.Popen(
        [*COMMAND, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def ended(*words, **environ):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.NAME)
def test_every_command_has_two_examples_of_itself(command):
    examples = command.__doc__.partition("examples:\n")[2].split("\n")
    assert [line.split()[:2] for line in examples if line.strip()] == [["windlass-local", command.NAME]] * 2


def test_the_help_lists_the_commands():
    help_text = ended("--help").stdout
    for command in COMMANDS:
        assert command.NAME in help_text


@pytest.mark.parametrize("stop", ["stdin", "SIGTERM"])
def test_up_serves_until_it_is_stopped(stop):
    with started("up", "--port", "0", "--no-populate", "--until-stdin-closes") as process:
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/_windlass/status", timeout=20) as answer:
            assert json.load(answer)["calls"] == 0
        if stop == "stdin":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_port_in_use_is_an_error_with_a_remedy(local_aws):
    port = local_aws.url.rpartition(":")[2]
    refused = ended("up", "--port", port, "--no-populate")
    assert refused.returncode == 253
    assert f"port {port} is not available" in refused.stderr
    assert "--port 0" in refused.stderr


def test_a_scenario_prepares_plays_acts_and_ends_with_stdin(local_aws, aws):
    s3, sqs = aws("s3", account=ACCOUNT), aws("sqs", account=ACCOUNT)
    with started("scenario", "arrivals", "scans", "--url", local_aws.url, "--account", ACCOUNT) as process:
        prepared = json.loads(process.stdout.readline())
        assert prepared["arrivals"]["queue"] == "object-events"
        with urllib.request.urlopen(f"{local_aws.url}/_windlass/fileshares/{prepared['scans']['file_share']}") as share:
            assert json.load(share)["files"] == []
        queue = sqs.get_queue_url(QueueName="object-events")["QueueUrl"]
        buckets = set()
        while not buckets:  # S3's test event has no records
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10).get("Messages", []):
                records = json.loads(message["Body"]).get("Records", [])
                buckets |= {record["s3"]["bucket"]["name"] for record in records}
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        assert buckets == {"harbour-prod-arrivals"}
        print("arrivals anything", file=process.stdin, flush=True)
        assert process.stdout.readline().strip() == "arrivals anything"
        process.stdin.close()
        assert process.wait(30) == 0
    assert s3.list_objects_v2(Bucket="harbour-prod-scans")["KeyCount"] > 0


def test_replicas_deny_keys_until_they_are_allowed(local_aws, aws):
    target = aws("s3", account=ACCOUNT, region="eu-west-1")
    with started("scenario", "replicas", "--url", local_aws.url, "--account", ACCOUNT) as process:
        assert json.loads(process.stdout.readline()) == {"replicas": {"pairs": 14}}
        put = {"Bucket": "replica-of-harbour-dr-pilots", "Key": "quarantine/a", "Body": b""}
        with pytest.raises(target.exceptions.ClientError, match="AccessDenied"):
            target.put_object(**put)
        print("replicas allow", file=process.stdin, flush=True)
        assert process.stdout.readline().strip() == "replicas allow"
        target.put_object(**put)


def test_a_scenario_that_cannot_be_prepared_ends_with_an_error():
    failed = ended("scenario", "papers", "--url", "http://127.0.0.1:1", "--account", ACCOUNT)
    assert failed.returncode == 254
    assert "CreateQueue" in failed.stderr


def test_an_unknown_scenario_is_refused_with_the_known_ones():
    refused = ended("scenario", "storms", "--url", "http://127.0.0.1:1", "--account", ACCOUNT)
    assert refused.returncode == 2
    for name in SCENARIOS:
        assert name in refused.stderr
