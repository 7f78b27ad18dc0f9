"""One normaliser for every wrapping: keys survive, nothing crashes it."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from windlass.events import Ignored, Kind, ObjectEvent, Unrecognised, Via, is_duplicate, is_newer, read_events
from windlass.events.encode import WRAPPINGS, cloudtrail, envelope, notification
from windlass.events.order import compare
from windlass.events.read import MAX_BYTES

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
words = st.text(st.sampled_from("abcdef0123456789-."), max_size=20)
events = st.builds(
    ObjectEvent, kind=st.sampled_from([Kind.CREATED, Kind.REMOVED]), name=st.just(""), bucket=st.from_regex(r"[a-z0-9-]{3,20}", fullmatch=True),
    key=keys, via=st.just(Via.NOTIFICATION), version_id=words, etag=words, size_bytes=st.none() | st.integers(0, 5 << 40),
    sequencer=st.text("0123456789ABCDEF", max_size=20), at=st.just("2026-11-20T08:00:00.000Z"), region=st.just("eu-west-1"),
    account_id=st.just("111111111111"), principal_id=words, source_ip=st.just("10.1.2.3"), request_id=words,
)  # fmt: skip


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@given(event=events)
@example(event=ObjectEvent(kind=Kind.CREATED, name="", bucket="b-b", key="a+b c%2B/ü\u2028𝄞\x01", via=Via.NOTIFICATION))
def test_a_notification_survives_every_wrapping(wrapping, event):
    name = "ObjectCreated:Put" if event.kind is Kind.CREATED else "ObjectRemoved:Delete"
    sent = notification(_with(event, name=name))
    (got,) = read_events(WRAPPINGS[wrapping](sent))
    assert got == _with(event, name=name, account_id="")


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@given(event=events)
def test_an_eventbridge_event_survives_every_wrapping(wrapping, event):
    name = "Object Created" if event.kind is Kind.CREATED else "Object Deleted"
    (got,) = read_events(WRAPPINGS[wrapping](envelope(event)))
    assert got == _with(event, name=name, via=Via.EVENTBRIDGE)


@given(event=events)
def test_a_cloudtrail_call_tells_the_same(event):
    (got,) = read_events(json.dumps(cloudtrail(event)))
    assert (got.bucket, got.key, got.kind, got.version_id) == (event.bucket, event.key, event.kind, event.version_id)
    assert got.via is Via.CLOUDTRAIL


def _with(event, **changes):
    from dataclasses import replace

    return replace(event, **changes)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["Records", "s3", "bucket", "object", "key", "name", "body", "Message", "TopicArn", "detail", "detail-type", "source",
                         "Sns", "eventSource", "eventName", "requestParameters", "delete", "messageId", "eventVersion", "resources"])
        | st.text(max_size=5), inner, max_size=5,
    ),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=1500)
@given(json_values)
def test_no_document_crashes_it(document):
    found = read_events(document)
    assert found
    assert all(isinstance(one, (ObjectEvent, Ignored, Unrecognised)) for one in found)


@settings(max_examples=800)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_text_and_no_bytes_crash_it(payload):
    assert all(isinstance(one, (ObjectEvent, Ignored, Unrecognised)) for one in read_events(payload))


@pytest.mark.slow
@settings(max_examples=200_000, deadline=None)
@given(json_values)
def test_no_document_crashes_it_at_length(document):
    assert read_events(document)


@pytest.mark.parametrize(
    "payload",
    ["", "{", "null", "42", '"x"', "[" * 100_000, '{"Records":' * 2000, b"\xff\xfe", "\ud800", b'{"a":"\xed\xa0\x80"}', "NaN", "x" * (MAX_BYTES + 1),
     None, 3.5, object(), {"Records": [None, 7]}, {1: 2}],
)  # fmt: skip
def test_what_is_no_event_is_said_to_be_none(payload):
    assert all(isinstance(one, Unrecognised) for one in read_events(payload))


def test_wrapping_without_end_is_given_up():
    body = "{}"
    for _ in range(9):
        body = json.dumps({"TopicArn": "t", "Message": body})
    (found,) = read_events(body)
    assert "too often" in found.reason


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (
            {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-20T08:00:00.000Z", "Bucket": "lake"},
            "lake",
        ),
        ({"Type": "SubscriptionConfirmation", "TopicArn": "t", "Message": "You have chosen"}, "subscription"),
        ({"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": {}}, "aws.ec2"),
        ({"Records": []}, "empty"),
        ({"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "requestParameters": {}}, "GetObject"),
        ({"eventSource": "s3.amazonaws.com", "eventName": "PutObject", "errorCode": "AccessDenied"}, "failed"),
    ],
)
def test_what_is_known_and_tells_of_no_object_is_ignored(payload, said):
    (found,) = read_events(json.dumps(payload))
    assert isinstance(found, Ignored)
    assert said in found.reason


def test_events_of_another_major_version_are_not_guessed_at():
    document = notification(
        ObjectEvent(kind=Kind.CREATED, name="ObjectCreated:Put", bucket="b", key="k", via=Via.NOTIFICATION)
    )
    document["Records"][0]["eventVersion"] = "2.6"
    assert isinstance(read_events(document)[0], ObjectEvent)
    document["Records"][0]["eventVersion"] = "3.0"
    assert isinstance(read_events(document)[0], Unrecognised)


def test_a_delete_of_many_tells_of_each():
    record = {
        "eventSource": "s3.amazonaws.com", "eventName": "DeleteObjects",
        "requestParameters": {"bucketName": "b", "delete": {"object": [{"key": "a b"}, {"key": "c+d"}]}},
    }  # fmt: skip
    assert [(one.kind, one.key) for one in read_events(record)] == [(Kind.REMOVED, "a b"), (Kind.REMOVED, "c+d")]
    listed = {
        "eventSource": "s3.amazonaws.com", "eventName": "DeleteObjects", "requestParameters": {"bucketName": "b", "delete": ""},
        "resources": [{"ARN": "arn:aws:s3:::b"}, {"ARN": "arn:aws:s3:::b/x/y"}],
    }  # fmt: skip
    assert [one.key for one in read_events(listed)] == ["x/y"]


def test_delete_markers_and_lifecycle_are_told_apart():
    marker = notification(
        ObjectEvent(
            kind=Kind.REMOVED, name="ObjectRemoved:DeleteMarkerCreated", bucket="b", key="k", via=Via.NOTIFICATION
        )
    )
    (found,) = read_events(marker)
    assert found.marker
    expired = envelope(ObjectEvent(kind=Kind.REMOVED, name="", bucket="b", key="k", via=Via.EVENTBRIDGE))
    expired["detail"]["reason"] = "Lifecycle Expiration"
    assert read_events(expired)[0].kind is Kind.EXPIRED


def test_a_mixed_batch_keeps_what_is_good():
    good = notification(
        ObjectEvent(kind=Kind.CREATED, name="ObjectCreated:Put", bucket="b", key="k", via=Via.NOTIFICATION)
    )["Records"][0]
    kinds = [type(one).__name__ for one in read_events({"Records": [good, {"s3": 5}, {"x": 1}, good]})]
    assert kinds == ["ObjectEvent", "Unrecognised", "Unrecognised", "ObjectEvent"]


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6", -1),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E5", 0),
        ("0055AED6DCD90281e5", "0055AED6DCD90281E5", 0),
        ("0055AED6DCD9", "0055AED6DCD90281E5", -1),
        ("0055AED6DCD91", "0055AED6DCD90281E5", 1),  # left-padding would say -1
        ("0055AED6DCD9000000", "0055AED6DCD9", 0),
        ("", "00", -1),
        ("", "", 0),
    ],
)
def test_sequencers_are_compared_as_s3_says(left, right, order):
    assert compare(left, right) == order
    assert compare(right, left) == -order


def test_order_is_of_one_key():
    def event(key, sequencer):
        return ObjectEvent(kind=Kind.CREATED, name="n", bucket="b", key=key, via=Via.NOTIFICATION, sequencer=sequencer)

    assert is_newer(event("k", "02"), event("k", "01"))
    assert is_duplicate(event("k", "02"), event("k", "02"))
    assert not is_duplicate(event("k", ""), event("k", ""))
    with pytest.raises(ValueError, match="different keys"):
        is_newer(event("k", "02"), event("j", "01"))
