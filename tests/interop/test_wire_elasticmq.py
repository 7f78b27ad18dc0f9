"""The SQS calls, and a whole consumer, against ElasticMQ: a queue server that nobody here wrote.

WINDLASS_ELASTICMQ_JAR names elasticmq-server-all.jar, or a folder with org.elasticmq:elasticmq-server_2.13 and what it needs.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest

from tests.wire.server import access
from windlass.core.access import Keys
from windlass.core.errors import NotFound
from windlass.core.secret import Secret
from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.service import open_estate
from windlass.queues.config import ConsumeConfig
from windlass.queues.consumer import Consumer
from windlass.queues.service import Queues
from windlass.wire import sqs
from windlass.wire.client import Client
from windlass.wire.model import IDEMPOTENT, Call, Request

pytestmark = pytest.mark.interop
ACCOUNT = "000000000000"
JAR = os.environ.get("WINDLASS_ELASTICMQ_JAR", "")  # read before conftest takes WINDLASS_* away
HOW = "set WINDLASS_ELASTICMQ_JAR to elasticmq-server-all.jar, or to a folder of jars (CONTRIBUTING.md says how to get them)"


def _class_path():
    if not JAR:
        pytest.skip(f"no ElasticMQ: {HOW}")
    path = Path(JAR)
    if not path.exists():
        pytest.skip(f"WINDLASS_ELASTICMQ_JAR names nothing: {HOW}")
    return str(path / "*") if path.is_dir() else str(path)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    class_path = _class_path()
    java = shutil.which("java")
    if java is None:
        pytest.skip("no java on the PATH; ElasticMQ needs 11 or newer")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path_factory.mktemp("elasticmq") / "elasticmq.conf"
    config.write_text(
        f'include classpath("application.conf")\n'
        f'node-address {{ protocol = http, host = "127.0.0.1", port = {port}, context-path = "" }}\n'
        f'rest-sqs {{ enabled = true, bind-port = {port}, bind-hostname = "127.0.0.1", sqs-limits = strict }}\n'
        f"rest-stats {{ enabled = false }}\n"
    )
    command = [java, "-Xmx256m", f"-Dconfig.file={config}", "-cp", class_path, "org.elasticmq.server.Main"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if process.poll() is not None:
                    pytest.fail(f"ElasticMQ ended at once: {HOW}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def at(url):
    return Client(access(url, service="sqs", keys=lambda: Keys(ACCOUNT, Secret("x"))), draw=lambda: 0.0)


def create(name, **attributes):
    """CreateQueue, which the wire has no name for: a call is only a request and a way to read."""
    import orjson

    headers = (("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.CreateQueue"))
    body = orjson.dumps({"QueueName": name, "Attributes": attributes})
    return Call(
        "CreateQueue",
        Request("POST", headers=headers, body=body),
        lambda response: orjson.loads(response.body)["QueueUrl"],
        IDEMPOTENT,
    )


def fresh():
    return f"wire-{uuid.uuid4().hex[:8]}"


def test_the_calls_of_a_consumer(url):
    async def main():
        async with at(url) as client:
            name = fresh()
            queue = await client.send(create(name))
            assert await client.send(sqs.get_url(name)) == queue
            entries = [
                sqs.Entry(f"body {n} é💥", attributes={"a": {"DataType": "String", "StringValue": "é"}})
                for n in range(10)
            ]
            assert await client.send(sqs.send(queue, entries)) == []
            got = []
            while len(got) < 10:
                got += await client.send(sqs.receive(queue, wait_s=1, visibility_s=60))
            assert sorted(entry.body for entry in got) == sorted(entry.body for entry in entries)
            assert {(entry.receive_count, entry.message_attributes["a"]["StringValue"]) for entry in got} == {(1, "é")}
            assert await client.send(sqs.receive(queue, wait_s=0)) == []
            assert await client.send(sqs.delete(queue, [entry.receipt for entry in got[:5]])) == []
            assert await client.send(sqs.change_visibility(queue, [(entry.receipt, 0) for entry in got[5:]])) == []
            again = await client.send(sqs.receive(queue, wait_s=1))
            assert {entry.message_id for entry in again} == {entry.message_id for entry in got[5:]}
            assert {entry.receive_count for entry in again} == {2}
            assert (await client.send(sqs.get_attributes(queue)))["ApproximateNumberOfMessages"] == "0"
            with pytest.raises(NotFound):
                await client.send(sqs.receive(queue + "-missing", wait_s=0))

    asyncio.run(main())


def test_a_long_poll_ends_when_something_comes(url):
    async def main():
        async with at(url) as client:
            queue = await client.send(create(fresh()))
            waiting = asyncio.create_task(client.send(sqs.receive(queue, wait_s=20)))
            await asyncio.sleep(0.2)
            await client.send(sqs.send(queue, [sqs.Entry("x")]))
            async with asyncio.timeout(15):
                return [entry.body for entry in await waiting]

    assert asyncio.run(main()) == ["x"]


@pytest.mark.parametrize("transport", ["lean", "boto3"])
def test_a_consumer_handles_every_message(url, transport):
    async def fill():
        async with at(url) as client:
            name = fresh()
            queue = await client.send(create(name))
            for start in range(0, 300, 10):
                assert await client.send(sqs.send(queue, [sqs.Entry(f"{n}") for n in range(start, start + 10)])) == []
            return name, queue

    async def left(queue):
        async with at(url) as client:
            said = await client.send(sqs.get_attributes(queue))
            return said["ApproximateNumberOfMessages"], said["ApproximateNumberOfMessagesNotVisible"]

    name, queue = asyncio.run(fill())
    seen, tried, stop = [], set(), threading.Event()

    def handle(message):
        if message.body not in tried and int(message.body) % 50 == 0:
            tried.add(message.body)
            raise RuntimeError("once more, please")
        seen.append(message.body)
        if len(set(seen)) == 300:
            stop.set()

    threading.Timer(60, stop.set).start()
    config = EstateConfig(endpoint_url=url, regions=["us-east-1"], accounts=[AccountConfig(id=ACCOUNT)])
    with open_estate(config, {}) as estate:
        consume = ConsumeConfig(
            queue=name,
            handler="in:code",
            transport=transport,
            wait_s=1,
            read_timeout_s=12,
            visibility_s=20,
            first_backoff_s=0.1,
        )
        consumer = Consumer(consume, handle, queues=Queues(lambda: estate, lambda: None))
        assert consumer.run(stop=stop, signals=False) == 0
    assert sorted(seen, key=int) == [str(n) for n in range(300)]
    assert asyncio.run(left(queue)) == ("0", "0")
