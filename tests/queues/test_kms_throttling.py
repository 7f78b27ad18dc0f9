"""Encrypted queues: KMS's throttling, as SQS passes it on, is throttling: counted, waited for, and no message is lost."""

import json
import urllib.request

import pytest

from tests.queues.conftest import wait_for
from windlass.core.aws_errors import service_error
from windlass.core.errors import Throttled
from windlass.wire.sqs import read_failure

CODES = ["KMS.ThrottlingException", "KmsThrottled"]


@pytest.fixture
def faults(local_aws):
    """Order faults of the embedded AWS until the test is over."""

    def order(*rules):
        url, body = f"{local_aws.url}/_windlass/faults", json.dumps({"rules": rules}).encode()
        urllib.request.urlopen(urllib.request.Request(url, body, method="PUT")).close()

    yield order
    order()


@pytest.mark.parametrize("code", [*CODES, "com.amazonaws.sqs#KmsThrottled"])
def test_a_call_that_kms_throttled_is_throttled(code):
    error = service_error(code, "Rate exceeded", where="sqs ReceiveMessage in us-east-1 of 111111111111", status=400)
    assert isinstance(error, Throttled)


@pytest.mark.parametrize("code", CODES)
def test_an_entry_that_kms_throttled_is_not_the_senders_fault(code):
    """SQS says SenderFault; taken at its word, the message's lease would be given up and the message handled twice."""
    assert not read_failure({"Id": "0", "Code": code, "SenderFault": True}).is_sender_fault


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("transport", ["lean", "boto3"])
def test_a_consumer_waits_out_kms_throttling(code, transport, queues, new_queue, consuming, faults):
    url, _ = new_queue()
    queues.send(queues.open(url), [f"m{n}" for n in range(20)])
    names = ("ReceiveMessage", "DeleteMessageBatch")
    rules = [{"kind": "error", "service": "sqs", "operation": name, "status": 400, "code": code} for name in names]
    faults(*({**rule, "limit": 2} for rule in rules))
    seen = []
    consumer = consuming(url, lambda message: seen.append(message.body), transport=transport)
    wait_for(lambda: consumer.counts.deleted == 20)
    assert sorted(seen) == sorted({f"m{n}" for n in range(20)}), "each message is handled once"
    assert consumer.counts.failed_polls == 2
    assert consumer.counts.lost_leases == 0


@pytest.mark.parametrize("code", CODES)
def test_kms_throttling_counts_as_throttling_of_the_estate(code, queues, estate, new_queue, faults):
    def throttled():
        return sum(stat.throttled for stat in estate.throttle_stats() if stat.scope.service == "sqs")

    queue, before = queues.open(new_queue()[0]), throttled()
    faults(
        {"kind": "error", "service": "sqs", "operation": "SendMessageBatch", "status": 400, "code": code, "limit": 2}
    )
    assert queues.send(queue, ["a"]) == 1, "it is sent again"
    assert throttled() == before + 2
