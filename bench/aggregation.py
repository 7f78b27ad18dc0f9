"""Aggregation: requests per object event of both designs, events through a worker per core, time from put to covered.

Requests are counted by the embedded AWS while a real worker (windlass aggregate run, DynamoDB and a timer queue) and the first
published design (a Lambda function per event, a conditional write, a delayed message) see the same kind of stream; S3's own
send per event is added to both where it goes to a queue. The throughput run has the loopback SQS stub of bench/queues.py.
"""

import contextlib
import io
import json
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config

from bench.queues import stub
from bench.report import report
from windlass_local.server import LocalServer

ACCOUNT, REGION = "111111111111", "us-east-1"
SECONDS = float(os.environ.get("WINDLASS_BENCH_SECONDS", "120"))
RATE = 60
ACTS = """
import json, os, time
def act(summary, context):
    with open(os.environ["ACTED"], "a") as file:
        file.write(json.dumps([time.time(), summary.events]) + "\\n")
"""
RULE = """
[estate]
accounts = [{{ id = "111111111111" }}]
regions = ["us-east-1"]
home_region = "us-east-1"

[[aggregate]]
name = "bench"
queue = "{queue}"
window_s = {window}
{where}
action = {{ kind = "python", function = "acts:act" }}
"""
PUBLISHED = """
import json, os, time
import boto3
from botocore.exceptions import ClientError
TABLE, QUEUE = boto3.client("dynamodb"), boto3.client("sqs")
URL = QUEUE.get_queue_url(QueueName="published-timers")["QueueUrl"]
def handler(event, context):
    for record in event["Records"]:
        at = time.time() * 1000
        try:
            TABLE.update_item(
                TableName="published", Key={"id": {"S": record["s3"]["bucket"]["name"]}}, UpdateExpression="SET untill = :until",
                ConditionExpression="attribute_not_exists(untill) OR :at > untill",
                ExpressionAttributeValues={":until": {"N": str(int(at + 30000))}, ":at": {"N": str(int(at))}},
            )
        except ClientError:
            continue
        QUEUE.send_message(QueueUrl=URL, MessageBody="refresh", DelaySeconds=30)
"""


def clients(url):
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": REGION}
    config = Config(max_pool_connections=20)
    return {
        name: boto3.client(name, endpoint_url=url, config=config, **keys)
        for name in ("s3", "sqs", "dynamodb", "lambda", "iam")
    }


def calls(url):
    with urllib.request.urlopen(f"{url}/_windlass/status") as answer:
        return json.load(answer)["calls_by_service"]


@contextlib.contextmanager
def worker(url, folder, *, window, where, queue="bench-events", settings=("wait_s=20",)):
    (folder / "acts.py").write_text(ACTS)
    (folder / "windlass.toml").write_text(RULE.format(queue=queue, window=window, where=where))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WINDLASS_"))} | {
        "ACTED": str(folder / "acted"),
        "WINDLASS_ESTATE_ENDPOINT_URL": url,
        "WINDLASS_STORE_URL": f"sqlite:///{folder}/w.db",
        "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}",
    }
    command = [sys.executable, "-m", "windlass", "aggregate"]
    if where:
        subprocess.run([*command, "init", "bench"], cwd=folder, env=environ, check=True, capture_output=True)
    options = [part for setting in settings for part in ("--setting", setting)]
    with (folder / "log").open("w") as log:
        child = subprocess.Popen([*command, "run", *options], cwd=folder, env=environ, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while "consumer.started" not in (folder / "log").read_text():
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text()[-2000:])
            time.sleep(0.1)
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(60)


def notify(clients_, bucket, queue):
    sqs, s3 = clients_["sqs"], clients_["s3"]
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )


def stream(s3, bucket, rate_at, seconds):
    """Puts at `rate_at(elapsed)` a second from four threads; when each was answered."""
    done, lock, counter = [], threading.Lock(), [0]
    began = time.monotonic()
    schedule, at = [], 0.0
    while at < seconds:
        schedule.append(at)
        at += 1 / rate_at(at)
    todo = iter(enumerate(schedule))

    def put():
        while True:
            with lock:
                number, due = next(todo, (None, None))
                counter[0] += 1
            if number is None:
                return
            time.sleep(max(0.0, began + due - time.monotonic()))
            s3.put_object(Bucket=bucket, Key=f"f{number % 20}/o{number}", Body=b"x")
            with lock:
                done.append(time.time())

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def ours(aws, clients_):
    """Requests per event of a worker over DynamoDB, in a steady stream."""
    notify(clients_, "bench-drop", "bench-events")
    with tempfile.TemporaryDirectory() as name:
        where = 'table = "bench-agg"\ntimers = "bench-timers"'
        with worker(aws.url, Path(name), window=30, where=where):
            stream(clients_["s3"], "bench-drop", lambda _: RATE, 20)
            before = calls(aws.url)
            events = len(stream(clients_["s3"], "bench-drop", lambda _: RATE, SECONDS))
            after = calls(aws.url)
        actions = len((Path(name) / "acted").read_text().splitlines())
    used = {service: after.get(service, 0) - before.get(service, 0) for service in ("sqs", "dynamodb")}
    return (
        "windlass worker",
        events,
        actions,
        0.0,
        round(used["dynamodb"] / events, 5),
        round(1 + used["sqs"] / events, 4),
    )


def published(aws, clients_):
    """Requests per event of the first published design, on the embedded Lambda."""
    clients_["dynamodb"].create_table(
        TableName="published",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    clients_["sqs"].create_queue(QueueName="published-timers")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", PUBLISHED)
    role = clients_["iam"].create_role(RoleName="published", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    arn = clients_["lambda"].create_function(
        FunctionName="published",
        Runtime="python3.12",
        Handler="main.handler",
        Role=role,
        Timeout=30,
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]
    clients_["s3"].create_bucket(Bucket="published-drop")
    clients_["lambda"].add_permission(
        FunctionName="published", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    clients_["s3"].put_bucket_notification_configuration(
        Bucket="published-drop",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    before = calls(aws.url)
    events = len(stream(clients_["s3"], "published-drop", lambda _: 20, 30))
    deadline = time.monotonic() + 120
    while calls(aws.url).get("dynamodb", 0) - before.get("dynamodb", 0) < events and time.monotonic() < deadline:
        time.sleep(1)
    used = {service: calls(aws.url).get(service, 0) - before.get(service, 0) for service in ("sqs", "dynamodb")}
    return (
        "one Lambda per event",
        events,
        "",
        1.0,
        round(used["dynamodb"] / events, 5),
        round(used["sqs"] / events, 4),
    )


def freshness(aws, clients_, window=5):
    """Seconds from a put's answer to the next action's start, with bursts of ten times the rate."""
    notify(clients_, "burst-drop", "burst-events")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with worker(aws.url, folder, window=window, where="", queue="burst-events"):
            rate = lambda at: 100 if int(at) % 20 < 4 else 10  # noqa: E731
            puts = stream(clients_["s3"], "burst-drop", rate, SECONDS / 2)
            time.sleep(3 * window)
        acted = sorted(json.loads(line)[0] for line in (folder / "acted").read_text().splitlines())
    waits = sorted(min((action_at for action_at in acted if action_at > put), default=math.inf) - put for put in puts)
    return len(puts), len(acted), waits[math.ceil(0.99 * len(waits)) - 1], waits[-1]


def throughput(seconds=15):
    """Events a CPU-second and a second through a worker on the SQS stub, keys in SQLite."""
    with stub() as port, tempfile.TemporaryDirectory() as name:
        url, folder = f"http://127.0.0.1:{port}", Path(name)
        with worker(url, folder, window=30, where="", queue="bench") as child:
            time.sleep(3)
            cpu, count, began = ticks(child.pid), deleted(url), time.monotonic()
            time.sleep(seconds)
            cpu, count, took = ticks(child.pid) - cpu, deleted(url) - count, time.monotonic() - began
            rss = int(Path(f"/proc/{child.pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    return count / (cpu / os.sysconf("SC_CLK_TCK")), count / took, rss


def deleted(url):
    with urllib.request.urlopen(f"{url}/count") as answer:
        return json.load(answer)["deleted"]


def ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def main():
    per_cpu, per_s, rss = throughput()
    with LocalServer() as aws:
        clients_ = clients(aws.url)
        rows = [
            ("design", "events", "actions", "Lambda/event", "DynamoDB/event", "SQS/event"),
            ours(aws, clients_),
            published(aws, clients_),
        ]
        puts, actions, p99, worst = freshness(aws, clients_)
    report("aggregation", rows)
    more = [
        ("what", "result", "goal"),
        ("events/CPU-s through a worker", f"{per_cpu:,.0f}", "10,000"),
        ("events/s through a worker", f"{per_s:,.0f}", ""),
        ("its RSS, MiB", f"{rss:.0f}", ""),
        (f"p99 from put to covered, {puts:,} puts in bursts, window 5 s", f"{p99:.1f} s", "15 s (2 windows + 5 s)"),
        ("the worst", f"{worst:.1f} s", ""),
        ("actions for them", f"{actions}", ""),
    ]
    report("aggregation_worker", more)


if __name__ == "__main__":
    main()
