"""The embedded AWS's own pages, as seen over HTTP: status, calls, faults; and what a reset and a stop leave behind."""

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from windlass_local.exceptions import ConfigError
from windlass_local.faults import FaultEffect, Faults, ObjectEvent, read_rules
from windlass_local.request import read_request
from windlass_local.server import LocalServer

ACCOUNT, CALLER = "777777777001", "777777777002"


def ask(url, path, method="GET", document=None):
    """(status, JSON) of one of the embedded AWS's own pages."""
    data = None if document is None else json.dumps(document).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, method=method, data=data), timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture
def faulty(local_aws):
    """Orders faults, and takes them back."""

    def order(*rules, **more):
        status, answer = ask(local_aws.url, "/_windlass/faults", "PUT", {"rules": rules, **more})
        assert status == 200, answer

    yield order
    ask(local_aws.url, "/_windlass/faults", "DELETE")


def test_calls_are_found_by_any_field_and_the_last_ones_by_limit(local_aws, aws):
    s3 = aws("s3", account=CALLER)
    s3.create_bucket(Bucket="admin-calls")
    for key in "abc":
        s3.put_object(Bucket="admin-calls", Key=key)
    aws("lambda", account=CALLER).list_functions()

    def found(query):
        return ask(local_aws.url, f"/_windlass/calls?account_id={CALLER}&{query}")[1]["calls"]

    assert [call["path"][-1] for call in found("bucket=admin-calls&operation=PutObject")] == ["a", "b", "c"]
    assert [call["path"][-1] for call in found("bucket=admin-calls&limit=2")] == ["b", "c"]
    (listed,) = found("service=lambda")
    assert (listed["operation"], listed["status"]) == ("ListFunctions", 200)
    assert listed["duration_s"] > 0


@pytest.mark.parametrize("query", ["opperation=PutObject", "limit=many"])
def test_a_filter_that_is_none_is_refused_rather_than_matching_nothing(local_aws, query):
    status, answer = ask(local_aws.url, f"/_windlass/calls?{query}")
    assert status == 400
    assert query.split("=")[0] in answer["error"] or "many" in answer["error"]


def test_the_status_counts_by_service_and_account(local_aws, aws):
    aws("kms", account=ACCOUNT).list_keys()
    status = ask(local_aws.url, "/_windlass/status")[1]
    assert status["calls_by_service"]["kms"] >= 1
    assert status["calls_by_account"][ACCOUNT] >= 1
    assert status["rss_bytes"] > 1 << 20
    assert ask(local_aws.url, "/_windlass/nothing")[0] == 404


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([{"kind": "latency", "latency_ms": "30"}], "invalid value of latency_ms: '30'"),
        ([{"kind": "latency", "latency_ms": -1}], "invalid value of latency_ms: -1"),
        ([{"kind": "error", "status": 500.5}], "invalid value of status: 500.5"),
        ([{"kind": "drop", "probability": True}], "invalid value of probability: True"),
        ([{"kind": "drop", "serivce": "s3"}], "no field 'serivce'; fields are kind, service"),
        ([{"service": "s3"}], "a rule needs a kind: one of latency"),
        (["drop"], "a rule must be an object"),
        ({"rule": []}, "rules"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused_whole(local_aws, faulty, document, told):
    faulty({"kind": "latency", "latency_ms": 1, "account": ACCOUNT})
    status, answer = ask(local_aws.url, "/_windlass/faults", "PUT", document)
    assert status == 400
    assert told in answer["error"]
    kept = ask(local_aws.url, "/_windlass/faults")[1]["rules"]
    assert [rule["kind"] for rule in kept] == ["latency"], "the rules in force stay"


def test_a_server_is_not_started_with_a_rule_that_does_not_fit():
    with pytest.raises(ConfigError, match="no fault kind"):
        LocalServer(faults=[{"kind": "tsunami"}])


def test_a_rule_is_for_one_bucket_or_one_rest_operation(aws, faulty):
    s3, functions = aws("s3", account=ACCOUNT), aws("lambda", account=ACCOUNT)
    s3.create_bucket(Bucket="admin-broken")
    s3.create_bucket(Bucket="admin-whole")
    faulty(
        {"kind": "throttle", "bucket": "admin-broken"},
        {"kind": "error", "service": "lambda", "operation": "ListFunc*", "status": 500, "code": "ServiceException"},
    )
    s3.list_objects_v2(Bucket="admin-whole")
    with pytest.raises(ClientError, match="SlowDown"):
        s3.list_objects_v2(Bucket="admin-broken")
    functions.list_layers()
    with pytest.raises(ClientError, match="ServiceException"):
        functions.list_functions()


def test_rules_strike_as_often_as_they_may_and_say_so(local_aws, aws, faulty):
    faulty({"kind": "error", "service": "kms", "limit": 2, "status": 500}, random_seed=3)
    outcomes = []
    for _ in range(4):
        try:
            aws("kms", account=ACCOUNT).list_keys()
            outcomes.append(200)
        except ClientError as error:
            outcomes.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
    assert outcomes == [500, 500, 200, 200]
    assert ask(local_aws.url, "/_windlass/faults")[1]["rules"][0]["used"] == 2


def _call():
    return read_request(method="GET", path="/", query="", headers={}, body=b"", account_of=lambda key: key)


def test_a_reset_brings_back_the_rules_and_the_chances_of_the_beginning():
    faults = Faults(read_rules([{"kind": "drop", "probability": 0.5}]), random_seed=4)
    first = [faults.decide(_call(), 0.0).outcome is not None for _ in range(50)]
    faults.load([])
    faults.reset()
    assert [faults.decide(_call(), 0.0).outcome is not None for _ in range(50)] == first


def test_a_dead_region_hangs_while_the_others_answer_and_a_stop_does_not_wait(aws, capfd):
    with LocalServer(
        faults=[{"kind": "dead", "region": "eu-south-2"}, {"kind": "drop", "region": "eu-south-1"}]
    ) as server:
        aws("sqs", url=server.url, region="eu-west-1").list_queues()
        dead = aws("sqs", url=server.url, region="eu-south-2", read_timeout=0.3)
        with pytest.raises(ReadTimeoutError):
            dead.list_queues()
        with pytest.raises(Exception, match="Connection was closed"):
            aws("sqs", url=server.url, region="eu-south-1").list_queues()
        waiting = threading.Thread(target=_ask_in_vain, args=(aws("sqs", url=server.url, region="eu-south-2"),))
        waiting.start()
        while not any(rule["used"] >= 2 for rule in server.gateway.faults.dump()):
            time.sleep(0.01)
    waiting.join(10)
    assert not waiting.is_alive(), "the call that hung is dropped with the server"
    assert capfd.readouterr().err == "", "faults to order are no errors of the server"


def _ask_in_vain(client):
    with pytest.raises(Exception, match="Connection was closed"):
        client.list_queues()


def test_a_stopped_server_leaves_no_thread_of_its_own(aws):
    with LocalServer() as server:
        aws("kms", url=server.url, account=ACCOUNT).list_keys()
        (own,) = (each for each in threading.enumerate() if each is server._thread)
        pool = list(server.gateway._threads._threads)
        assert pool
    for thread in (own, *pool):
        thread.join(5)
        assert not thread.is_alive(), thread.name


def test_a_port_that_is_taken_is_a_clear_error(local_aws):
    port = int(local_aws.url.rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"port {port} is not available"), LocalServer(port=port):
        pass


def test_a_reset_is_a_fresh_start(aws):
    command = [
        sys.executable,
        "-m",
        "windlass_local",
        "up",
        "--port",
        "0",
        "--no-populate",
        "--moto-api",
        "--until-stdin-closes",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        url = server.stdout.readline().strip()
        s3, sqs, tables = (aws(name, url=url) for name in ("s3", "sqs", "dynamodb"))
        gateways = aws("storagegateway", url=url)
        s3.create_bucket(Bucket="gone")
        sqs.create_queue(QueueName="gone")
        gateways.activate_gateway(
            ActivationKey="A", GatewayName="gone", GatewayTimezone="GMT", GatewayRegion="us-east-1"
        )
        ask(url, "/_windlass/faults", "PUT", [{"kind": "drop"}])  # it applies to every call, but not to the reset
        with urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")) as answer:
            assert json.load(answer) == {"status": "ok"}
        assert ask(url, "/_windlass/calls")[1] == {"calls": [], "total": 0}
        assert ask(url, "/_windlass/faults")[1] == {"rules": []}
        assert s3.list_buckets()["Buckets"] == []
        assert "QueueUrls" not in sqs.list_queues()
        assert gateways.list_gateways()["Gateways"] == []
        assert tables.list_tables()["TableNames"] == []
        sqs.create_queue(QueueName="gone")  # at once, though AWS (and we) refuse the name of a queue just deleted
        server.stdin.close()
        assert server.wait(20) == 0


def _event(bucket="orders", name="ObjectCreated:Put", key="in/a"):
    return ObjectEvent(name=name, account_id=ACCOUNT, region="us-east-1", bucket=bucket, key=key)


def test_events_are_doubled_and_late_by_rule_and_seed():
    rules = read_rules(
        [
            {"kind": "duplicate", "bucket": "orders", "probability": 0.5, "latency_ms": 200},
            {"kind": "reorder", "operation": "ObjectCreated:*", "path": "in/*", "latency_ms": 100},
        ]
    )
    times = [Faults(rules, random_seed=7).deliveries(_event()) for _ in range(2)]
    assert times[0] == times[1]
    faults = Faults(rules, random_seed=7)
    many = [faults.deliveries(_event()) for _ in range(400)]
    assert 150 < sum(len(each) == 2 for each in many) < 250
    assert all(0 <= each[0] <= 0.1 for each in many)
    assert all(each[0] <= each[1] <= each[0] + 0.2 for each in many if len(each) == 2)
    assert faults.deliveries(_event(bucket="other", name="ObjectRemoved:Delete")) == (0.0,)
    assert faults.deliveries(_event(bucket="other", key="out/a")) == (0.0,)
    assert faults.decide(_call(), 0.0) == FaultEffect()


def test_ordinary_rules_are_not_for_events():
    assert Faults(read_rules([{"kind": "latency", "latency_ms": 5}])).deliveries(_event()) == (0.0,)
