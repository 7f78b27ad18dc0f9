"""What a message was wrapped in comes off; what is not wrapped stays; what is broken is said."""

import base64
import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.queues.envelopes import unwrap
from windlass.queues.model import Reject
from windlass.queues.payloads import Pointer, read_pointer, write_pointer

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
    monkeypatch.setattr("windlass.queues.envelopes.MAX_UNPACKED_BYTES", 1_000_000)
    bomb = base64.b64encode(gzip.compress(b"\0" * 50_000_000)).decode()
    with pytest.raises(Reject, match="unpacks to more"):
        unwrap(["gzip"], bomb)


@pytest.mark.parametrize("members", [2, 3, 100])
def test_all_members_of_a_body_share_one_limit(monkeypatch, members):
    monkeypatch.setattr("windlass.queues.envelopes.MAX_UNPACKED_BYTES", 1_000_000)
    share = 1_000_000 // members
    exact = b"".join(gzip.compress(b"\0" * share) for _ in range(members)) + gzip.compress(
        b"\0" * (1_000_000 - share * members)
    )
    assert len(unwrap(["gzip"], base64.b64encode(exact).decode())) == 1_000_000
    with pytest.raises(Reject, match="unpacks to more than 1,000,000"):
        unwrap(["gzip"], base64.b64encode(exact + gzip.compress(b"x")).decode())


@given(st.lists(st.tuples(text, st.integers(0, 9), st.integers(0, 40)), min_size=1, max_size=6), st.binary(max_size=3))
def test_members_padding_and_damage_are_taken_as_pythons_gzip_takes_them(parts, rest):
    data = b"".join(gzip.compress(body.encode(), level) + b"\0" * padding for body, level, padding in parts) + rest
    packed = base64.b64encode(data).decode()
    try:
        expected = gzip.decompress(data).decode()
    except (OSError, EOFError, zlib.error):
        with pytest.raises(Reject):
            unwrap(["gzip"], packed)
    else:
        assert unwrap(["gzip"], packed) == expected


def test_very_many_empty_members_take_no_time_of_their_square():
    data = gzip.compress(b"") * 40_000
    assert unwrap(["gzip"], base64.b64encode(data).decode()) == ""


@pytest.mark.parametrize(
    "kind", ["software.amazon.payloadoffloading.PayloadS3Pointer", "com.amazon.sqs.javamessaging.MessageS3Pointer"]
)
def test_pointers_of_both_extended_clients_are_read(kind):
    body = json.dumps([kind, {"s3BucketName": "b", "s3Key": "k/ü"}])
    assert read_pointer(body) == Pointer("b", "k/ü")


def test_pointers_are_written_as_they_are_read():
    assert read_pointer(write_pointer(Pointer("b", "k"))) == Pointer("b", "k")
    assert read_pointer("[1, 2]") is None
    with pytest.raises(Reject, match="malformed"):
        read_pointer('["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": "b"}]')
