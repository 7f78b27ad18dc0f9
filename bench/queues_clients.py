"""The consumers that bench/queues.py compares: each is run in a process of its own, until SIGTERM.

`python queues_clients.py CLIENT URL` consumes the stub's queue and prints one JSON line at its end: messages handled, CPU
seconds and wall seconds from the first message on, peak RSS. It imports nothing of Windlass for the peers, so that it
runs in their virtual environment, too.
"""

import json
import os
import resource
import signal
import sys
import threading
import time

STATE = {"messages": 0, "cpu": 0.0, "wall": 0.0}
QUEUE = "http://localhost/111111111111/bench"
KEYS = {"region_name": "us-east-1", "aws_access_key_id": "111111111111", "aws_secret_access_key": "windlass-local"}


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def count():
    STATE["messages"] += 1
    if STATE["messages"] == 1:
        STATE["cpu"], STATE["wall"] = cpu(), time.perf_counter()


def finish(*_):
    print(
        json.dumps(
            {
                "messages": STATE["messages"],
                "cpu_s": cpu() - STATE["cpu"],
                "wall_s": time.perf_counter() - STATE["wall"],
                "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        ),
        flush=True,
    )
    os._exit(0)


def windlass(transport):
    def run(url):
        from windlass.estate.config import AccountConfig, EstateConfig
        from windlass.estate.service import open_estate
        from windlass.queues.config import ConsumeConfig
        from windlass.queues.consumer import Consumer
        from windlass.queues.service import Queues

        account = AccountConfig(id="111111111111")
        config = EstateConfig(
            endpoint_url=url, accounts=[account], regions=["us-east-1"], ca_bundle=os.environ.get("BENCH_CA", "")
        )
        estate = open_estate(config, {})

        async def handler(_):
            count()

        wait_s = int(os.environ.get("BENCH_WAIT", "20"))
        settings = ConsumeConfig(
            queue="bench", handler="bench:handler", transport=transport, concurrency=64, wait_s=wait_s
        )
        consumer = Consumer(settings, handler, queues=Queues(lambda: estate, lambda: None))
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        consumer.run(stop=stop, signals=False)
        finish()

    return run


def boto_threads(url):
    """What a careful user writes: threads, long polls, batched deletes."""
    import boto3
    from botocore.config import Config

    config = Config(max_pool_connections=16, retries={"total_max_attempts": 1})
    client = boto3.client("sqs", endpoint_url=url, config=config, verify=os.environ.get("BENCH_CA") or None, **KEYS)
    lock = threading.Lock()

    def work():
        while True:
            answer = client.receive_message(
                QueueUrl=QUEUE, MaxNumberOfMessages=10, WaitTimeSeconds=20, AttributeNames=["All"]
            )
            messages = answer.get("Messages", [])
            for _ in messages:
                with lock:
                    count()
            entries = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
            client.delete_message_batch(QueueUrl=QUEUE, Entries=entries)

    signal.signal(signal.SIGTERM, finish)
    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    signal.pause()


def pysqslistener(url):
    import logging

    from sqs_listener import SqsListener

    logging.disable(logging.CRITICAL)
    os.environ |= {
        "AWS_ACCOUNT_ID": "111111111111",
        "AWS_ACCESS_KEY_ID": "111111111111",
        "AWS_SECRET_ACCESS_KEY": "windlass-local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
    }

    class Listener(SqsListener):  # type: ignore[misc]  # it has no types
        def handle_message(self, *_):
            count()

    signal.signal(signal.SIGTERM, finish)
    Listener(
        "bench",
        queue_url=QUEUE,
        region_name="us-east-1",
        endpoint_name=url,
        max_number_of_messages=10,
        wait_time=20,
        interval=0.001,
    ).listen()


def sqsx(url):
    import logging

    import boto3
    from botocore.config import Config
    from sqsx import RawQueue

    logging.disable(logging.CRITICAL)
    client = boto3.client(
        "sqs",
        endpoint_url=url,
        config=Config(max_pool_connections=16),
        verify=os.environ.get("BENCH_CA") or None,
        **KEYS,
    )
    queue = RawQueue(url=QUEUE, message_handler_function=lambda *_: count(), sqs_client=client)
    signal.signal(signal.SIGTERM, finish)
    queue.consume_messages(
        max_messages=10, max_threads=10, polling_wait_seconds=20, enable_signal_to_exit_gracefully=False
    )


CLIENTS = {
    "windlass-lean": windlass("lean"),
    "windlass-boto3": windlass("boto3"),
    "boto3-threads": boto_threads,
    "pySqsListener": pysqslistener,
    "sqsx": sqsx,
}

if __name__ == "__main__":
    CLIENTS[sys.argv[1]](sys.argv[2])
