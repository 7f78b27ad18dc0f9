"""What a message was wrapped in comes off; what is not wrapped stays; what is broken is said."""

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.queues.model import Reject
from windlass.queues.unwrap import Pointer, read_pointer, unwrap, write_pointer

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(text)
def test_layers_come_off_in_their_order(body):
    packed = base64.b64encode(gzip.compress(body.encode())).decode()
    event = json.dumps({"detail-type": "x", "detail": {"packed": packed}})
    sns = json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": event})
    inner = unwrap(["sns", "eventbridge"], sns)
    assert json.loads(inner) == {"packed": packed}
    assert unwrap(["gzip"], packed) == body
    assert unwrap(["base64"], base64.b64encode(body.encode()).decode()) == body or not body


@given(text)
def test_what_is_not_wrapped_is_left_alone(body):
    assert unwrap(["sns", "eventbridge", "gzip"], f"plain {body}") == f"plain {body}"


def test_truncated_gzip_is_rejected_with_its_reason():
    packed = base64.b64encode(gzip.compress(b"x" * 10_000)[:-8]).decode()
    with pytest.raises(Reject, match="not whole gzip"):
        unwrap(["gzip"], packed)


def test_a_bomb_is_rejected_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr("windlass.queues.unwrap.MAX_UNPACKED_BYTES", 1_000_000)
    bomb = base64.b64encode(gzip.compress(b"\0" * 50_000_000)).decode()
    with pytest.raises(Reject, match="unpacks to more"):
        unwrap(["gzip"], bomb)


@pytest.mark.parametrize(
    "kind", ["software.amazon.payloadoffloading.PayloadS3Pointer", "com.amazon.sqs.javamessaging.MessageS3Pointer"]
)
def test_pointers_of_both_extended_clients_are_read(kind):
    body = json.dumps([kind, {"s3BucketName": "b", "s3Key": "k/ü"}])
    assert read_pointer(body) == Pointer("b", "k/ü")


def test_pointers_are_written_as_they_are_read():
    assert read_pointer(write_pointer(Pointer("b", "k"))) == Pointer("b", "k")
    assert read_pointer("[1, 2]") is None
    with pytest.raises(Reject, match="broken"):
        read_pointer('["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b"}]')
