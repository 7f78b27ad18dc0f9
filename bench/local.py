"""The embedded AWS beside stock moto, same client, same machine, same run: boto3 with threads over loopback.

Each server is a separate process and shares the machine's cores with the client, so these are lower bounds. Sizes
are smaller for stock moto where the full ones would not end (its SQS costs O(backlog) a call, its listing sorts the
whole bucket for each page); the table says which.
"""

import contextlib
import io
import socket
import statistics
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

from bench.report import report, rss_mib

THREADS = 16


@contextlib.contextmanager
def windlass_server():
    command = [sys.executable, "-m", "windlass", "local", "up", "--port", "0", "--no-populate", "--with-parent"]
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        url = server.stdout.readline().strip()
        yield url, server.pid, time.perf_counter() - started
        server.stdin.close()
        server.wait(30)


@contextlib.contextmanager
def stock_moto():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}", server.pid, time.perf_counter() - started
        server.kill()


def client(url, service):
    config = Config(
        max_pool_connections=THREADS,
        retries={"total_max_attempts": 2},
        s3={"addressing_style": "path"},
        read_timeout=120,
        parameter_validation=False,
    )
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="111111111111",
        aws_secret_access_key="windlass-local",
        config=config,
    )


def rate(work, items):
    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(work, items):
            pass
    return time.perf_counter() - started


def puts(url, many):
    s3 = client(url, "s3")
    s3.create_bucket(Bucket="puts")
    body = b"x" * 1024
    return many / rate(lambda n: s3.put_object(Bucket="puts", Key=f"{n:08}", Body=body), range(many))


def pages(url, keys, pages_wanted):
    s3 = client(url, "s3")
    s3.create_bucket(Bucket="pages")
    rate(lambda n: s3.put_object(Bucket="pages", Key=f"folder/{n:08}", Body=b""), range(keys))
    started, count, token = time.perf_counter(), 0, {}
    while count < pages_wanted:
        answer = s3.list_objects_v2(Bucket="pages", MaxKeys=1000, **token)
        count += 1
        token = {"ContinuationToken": answer["NextContinuationToken"]} if answer["IsTruncated"] else {}
    return count / (time.perf_counter() - started)


def messages(url, backlog, moved):
    sqs = client(url, "sqs")
    queue = sqs.create_queue(QueueName="bench")["QueueUrl"]

    def send(n):
        sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(i), "MessageBody": f"{n}.{i}"} for i in range(10)])

    rate(send, range(backlog // 10))
    lock, left = threading.Lock(), [moved]

    def move(_):
        while True:
            with lock:
                if left[0] <= 0:
                    return
                left[0] -= 10
            send(0)
            messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
            if entries:
                sqs.delete_message_batch(QueueUrl=queue, Entries=entries)

    return moved / rate(move, range(8))


def updates(url, many):
    table = client(url, "dynamodb")
    table.create_table(
        TableName="bench",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    values = {":one": {"N": "1"}}
    seconds = rate(
        lambda _: table.update_item(
            TableName="bench", Key={"k": {"S": "a"}}, UpdateExpression="ADD n :one", ExpressionAttributeValues=values
        ),
        range(many),
    )
    kept = int(table.get_item(TableName="bench", Key={"k": {"S": "a"}})["Item"]["n"]["N"])
    return many / seconds, f"{kept} of {many}"


def functions(url, calls, sent):
    """A warm function that does nothing: milliseconds a call of one caller; messages/s through a mapping, batches of 10."""
    lambda_, sqs = client(url, "lambda"), client(url, "sqs")
    role = client(url, "iam").create_role(RoleName="bench", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): pass")
    lambda_.create_function(
        FunctionName="bench",
        Runtime="python3.12",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": buffer.getvalue()},
    )
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        lambda_.invoke(FunctionName="bench", Payload=b"{}")["Payload"].read()
        times.append((time.perf_counter() - started) * 1000)
    queue = sqs.create_queue(QueueName="functions")["QueueUrl"]
    lambda_.create_event_source_mapping(
        EventSourceArn="arn:aws:sqs:us-east-1:111111111111:functions", FunctionName="bench", BatchSize=10
    )
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    started = time.perf_counter()
    rate(
        lambda n: sqs.send_message_batch(
            QueueUrl=queue, Entries=[{"Id": str(i), "MessageBody": f"{n}.{i}"} for i in range(10)]
        ),
        range(sent // 10),
    )
    while any(
        int(count) for count in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"].values()
    ):
        time.sleep(0.01)
    return f"{statistics.median(times):.1f}", f"{sent / (time.perf_counter() - started):.0f}"


def measure(server, full):
    with server() as (url, pid, start):
        client(url, "sts").get_caller_identity()
        idle = rss_mib(pid)
        put = puts(url, 4000 if full else 1500)
        keys = 100_000 if full else 3_000
        page = pages(url, keys, 60 if full else 6)
        backlog = 50_000 if full else 500
        message = messages(url, backlog, 20_000 if full else 200)
        update, kept = updates(url, 3000 if full else 1000)
        # Stock moto runs functions in Docker only.
        warm, fed = functions(url, 500, 10_000) if full else ("-", "-")
    return [
        f"{start:.2f}",
        f"{idle:.0f}",
        f"{put:.0f}",
        f"{page:.1f}",
        f"{keys:,}",
        f"{message:.0f}",
        f"{backlog:,}",
        f"{update:.0f}",
        kept,
        warm,
        fed,
    ]


def main():
    windlass, stock = measure(windlass_server, True), measure(stock_moto, False)
    names = [
        "start s",
        "idle RSS MiB",
        "S3 puts/s (1 KiB)",
        "list pages/s (1,000 keys)",
        "  at keys",
        "SQS msg/s (send+receive+delete, batches of 10)",
        "  at backlog",
        "DynamoDB updates/s of one key",
        "  kept",
        "Lambda warm call of an empty function, ms (median, one caller)",
        "SQS messages/s through a Lambda mapping (batches of 10)",
    ]
    goals = ["3", "300", "400", "20", "100,000", "2000", "50,000", "-", "all", "10", "-"]
    report(
        "local",
        [("what", "windlass local", "stock moto", "goal"), *zip(names, windlass, stock, goals, strict=True)],
        client="boto3, 16 threads",
    )


if __name__ == "__main__":
    main()
