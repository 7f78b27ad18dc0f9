"""The Queues pages: what is consumed and what waits, without waiting for AWS; dead letters and their way back."""

import threading
import time

import httpx
import pytest

from tests.console.site import opened_app, served
from windlass.queues.config import ConsumeConfig
from windlass.queues.consumer import Consumer
from windlass.queues.model import Reject

FAST = {"wait_s": 1, "read_timeout_s": 11, "visibility_s": 12, "drain_s": 3}
ACCOUNT, REGION = "111111111111", "us-east-1"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    import json

    from windlass.estate.config import AccountConfig, EstateConfig
    from windlass.estate.service import open_estate
    from windlass_local.server import LocalServer

    with LocalServer() as aws, opened_app(tmp_path_factory.mktemp("queues")) as opened:
        estate = open_estate(
            EstateConfig(endpoint_url=aws.url, accounts=[AccountConfig(id=ACCOUNT)], regions=[REGION]), {}
        )
        opened.built.once("estate", lambda: estate)
        opened.aws = aws
        call = estate.call
        call(ACCOUNT, REGION, "sqs", "CreateQueue", QueueName="console-orders-dlq")
        policy = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:console-orders-dlq", "maxReceiveCount": 3}
        call(
            ACCOUNT,
            REGION,
            "sqs",
            "CreateQueue",
            QueueName="console-orders",
            Attributes={"RedrivePolicy": json.dumps(policy)},
        )
        yield opened
        estate.close()


@pytest.fixture
def site(app):
    with served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


def wait_for(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def consumed(app):
    """Twenty messages handled, two rejected, three left waiting."""

    async def handler(message):
        if message.body.startswith("bad"):
            raise Reject("no order number")

    app.queues.send(app.queues.open("console-orders"), [f"m{n}" for n in range(20)] + ["bad 1", "bad 2"])
    config = ConsumeConfig(queue="console-orders", handler="shop.orders:handle", **FAST)
    consumer = Consumer(config, handler, queues=app.queues, store=lambda: app.store)
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, kwargs={"stop": stop, "signals": False})
    thread.start()
    wait_for(lambda: consumer.counts.deleted == 22)
    stop.set()
    thread.join(20)
    app.queues.send(app.queues.open("console-orders"), ["a", "b", "c"])


def test_the_list_shows_depth_consumers_and_dead_letters(site, consumed):
    def row():
        found = site.get("/queues.json").json()
        return next(
            (item for item in found["items"] if item["name"] == "console-orders" and item["visible"] == 3), None
        )

    found = wait_for(row)
    assert (found["state"], found["done"], found["failed"], found["dead"]) == ("stopped", 20, 2, 2)
    page = site.get("/queues").text
    assert "console-orders" in page
    assert "no order number" in page


def test_one_queue_shows_who_consumed_it_and_what_failed(site, consumed):
    found = site.get(f"/queues/{ACCOUNT}/{REGION}/console-orders.json").json()
    assert found["consumers"][0]["handler"] == "shop.orders:handle"
    assert {failure["reason"] for failure in found["failures"]} == {"no order number"}
    page = wait_for(
        lambda: "Redrive 2" in (text := site.get(f"/queues/{ACCOUNT}/{REGION}/console-orders").text) and text
    )
    assert "shop.orders:handle" in page


def test_a_redrive_is_a_job_that_moves_the_letters_and_is_audited(site, app, consumed):
    import json

    call = app.estate.call
    dead = call(ACCOUNT, REGION, "sqs", "CreateQueue", QueueName="console-returns-dlq")["QueueUrl"]
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:console-returns-dlq", "maxReceiveCount": 3}
    call(
        ACCOUNT,
        REGION,
        "sqs",
        "CreateQueue",
        QueueName="console-returns",
        Attributes={"RedrivePolicy": json.dumps(policy)},
    )
    app.queues.send(app.queues.open(dead), ["a", "b"])
    orders = f"/queues/{ACCOUNT}/{REGION}/console-orders"
    page = wait_for(lambda: "Redrive 2" in (text := site.get(orders).text) and text)
    mark = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    own, where = {"sec-fetch-site": "same-origin"}, f"/queues/{ACCOUNT}/{REGION}/console-returns/redrive"
    assert site.post(where, data={"csrf_token": "forged"}, headers=own).status_code == 403
    answer = site.post(where, data={"csrf_token": mark}, headers=own)
    assert answer.status_code == 303
    job_id = answer.headers["location"].rpartition("/")[2]
    assert str(wait_for(lambda: (job := app.jobs.get(job_id)).status.ended and job.status)) == "done"
    assert app.queues.depth(app.queues.open("console-returns")).visible == 2


def test_pages_answer_though_aws_does_not(site, app, consumed):
    app.aws.gateway.faults.load([{"kind": "dead", "service": "sqs"}])
    try:
        began = time.monotonic()
        for _ in range(3):
            assert site.get("/queues").status_code == 200
        assert time.monotonic() - began < 5
    finally:
        app.aws.gateway.faults.load([])


def test_a_queue_that_nobody_knows_is_not_found(site):
    assert site.get(f"/queues/{ACCOUNT}/{REGION}/nobody.json").status_code == 404


def test_a_queue_that_sqs_does_not_answer_for_is_unknown_and_not_empty(tmp_path):
    path = f"/queues/{ACCOUNT}/eu-west-1/pay-0"
    with opened_app(tmp_path) as app, served(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        deadline = time.monotonic() + 60
        while not (row := client.get(f"{path}.json").json()["row"])["error"] and time.monotonic() < deadline:
            time.sleep(0.2)
        assert row["error"]
        assert (row["visible"], row["dead"], row["trend"]) == (None, None, [])
        page = client.get(path, headers={"accept": "text/html"}).text
        assert "no dead-letter queue" not in page
        assert "unknown" in page
