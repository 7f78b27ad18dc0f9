"""Every AWS envelope gives the same typed event; anything else is unrecognised, and nothing is raised."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from windlass.events import Hop, Ignored, IgnoredBecause, Kind, ObjectEvent, Unrecognised, read_events
from windlass.events.encode import WRAPPINGS, carried, configuration_notice, names, notification
from windlass.events.order import newer
from windlass.events.read import MAX_PAYLOAD_BYTES

SAMPLES = sorted((Path(__file__).parent.parent / "data" / "events").glob("*.json"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("form", ["parsed", "text", "bytes"])
def test_the_samples_of_the_aws_documentation(path, form):
    case = json.loads(path.read_text())
    payload = case["payload"]
    if form != "parsed":
        payload = json.dumps(payload)
    if form == "bytes":
        payload = payload.encode()
    (reading,) = read_events(payload)
    expected = dict(case["expect"])
    if "ignored" in expected:
        assert isinstance(reading, Ignored)
        assert reading.because is IgnoredBecause[expected["ignored"]]
        assert reading.bucket == expected.get("bucket", "")
        return
    assert isinstance(reading, ObjectEvent)
    removes = expected.pop("removes", expected["kind"] == "removed")
    actual = asdict(reading)
    actual["at"] = reading.at.isoformat()
    actual["via"] = list(reading.via)
    blank = {"version_id": "", "etag": "", "size_bytes": None, "sequencer": "", "account_id": "", "principal_id": ""}
    assert actual == {**blank, "source_ip": "", "delete_marker": False, **expected}
    assert reading.removes is removes


keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60) | st.text("+ %/%2Bé\u0000👋&=?#", min_size=1)
times = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
plain = st.text("abcdefXYZ0189.-_:", max_size=20)


def events(format_):
    return st.sampled_from(names(format_=format_)).flatmap(
        lambda name: st.builds(
            ObjectEvent,
            kind=st.just(_kind(name)),
            name=st.just(name),
            bucket=st.text("abc-.019", min_size=3, max_size=63),
            key=keys,
            version_id=plain,
            etag=st.text("0123456789abcdef-", max_size=34),
            size_bytes=st.none() | st.integers(0, 50 * 2**40),
            sequencer=st.text("0123456789ABCDEF", max_size=18),
            at=st.none() | times,
            region=plain,
            account_id=st.text("0123456789", max_size=12),
            principal_id=plain,
            source_ip=plain,
            request_id=plain,
            delete_marker=st.just(name.endswith("DeleteMarkerCreated")),
        )
    )


def _kind(name):
    from windlass.events.formats import NAMES

    return NAMES[name.partition(":")[0]]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@given(data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_any_event_is_read_from_any_envelope(wrapping, data):
    via, wrap = WRAPPINGS[wrapping]
    sent = data.draw(st.lists(events(via[-1]), min_size=1, max_size=4))
    assert read_events(wrap(sent)) == tuple(carried(event, via) for event in sent)


@pytest.mark.slow
@given(keys)
@settings(max_examples=examples(20_000), deadline=None)
def test_any_key_is_decoded_to_its_original(key):
    for via, wrap in WRAPPINGS.values():
        name = names(format_=via[-1])[0]
        (reading,) = read_events(wrap([ObjectEvent(kind=Kind.CREATED, name=name, bucket="b", key=key)]))
        assert reading.key == key


def test_a_key_is_decoded_exactly_once_and_only_in_encoded_formats():
    event = ObjectEvent(kind=Kind.CREATED, name="ObjectCreated:Put", bucket="b", key="100%25 a+b/ä b.txt")
    for _, wrap in WRAPPINGS.values():
        assert read_events(wrap([event]))[0].key == "100%25 a+b/ä b.txt"


def test_optional_members_may_be_missing():
    (event,) = read_events('{"Records":[{"s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}]}')
    assert event == ObjectEvent(kind=Kind.OTHER, name="", bucket="b", key="k", via=(Hop.S3,))


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2", "2.3", "2.6", "2.99", 2, 2.1])
def test_versions_are_accepted_by_their_major_number(version):
    payload = notification([ObjectEvent(kind=Kind.CREATED, name="ObjectCreated:Put", bucket="b", key="k")])
    payload["Records"][0]["eventVersion"] = version
    assert isinstance(read_events(payload)[0], ObjectEvent)


@pytest.mark.parametrize("version", ["3.0", "1.9", "22.1", "", None, [2]])
def test_another_major_version_is_unrecognised(version):
    payload = notification([ObjectEvent(kind=Kind.CREATED, name="ObjectCreated:Put", bucket="b", key="k")])
    payload["Records"][0]["eventVersion"] = version
    (reading,) = read_events(payload)
    assert isinstance(reading, Unrecognised)
    assert "only 2.x" in reading.reason


def test_an_unknown_event_name_is_an_event_of_kind_other():
    payload = notification([ObjectEvent(kind=Kind.OTHER, name="ObjectFrobnicated:Now", bucket="b", key="k")])
    (event,) = read_events(payload)
    assert (event.kind, event.name, event.removes) == (Kind.OTHER, "ObjectFrobnicated:Now", False)


def test_one_bad_record_does_not_affect_the_others():
    good = notification([ObjectEvent(kind=Kind.CREATED, name="ObjectCreated:Put", bucket="b", key="k")])["Records"][0]
    bad = {**good, "s3": {"bucket": {"name": "b"}, "object": {"key": "%FF%FE"}}}
    kinesis = {"eventSource": "aws:kinesis", "kinesis": {}}
    readings = read_events({"Records": [good, bad, 7, None, kinesis, good]})
    assert [type(reading).__name__ for reading in readings] == [
        "ObjectEvent",
        "Unrecognised",
        "Unrecognised",
        "Unrecognised",
        "Unrecognised",
        "ObjectEvent",
    ]


def test_a_test_event_is_ignored_in_every_envelope():
    body = json.dumps(configuration_notice("seed"))
    for payload in (
        body,
        {"Records": [{"eventSource": "aws:sqs", "body": body}]},
        {"Type": "Notification", "Message": body},
    ):
        (reading,) = read_events(payload)
        assert (reading.because, reading.bucket) == (IgnoredBecause.TEST, "seed")


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"eventName": "GetObject", "readOnly": True}, IgnoredBecause.READ),
        ({"eventName": "UploadPart"}, IgnoredBecause.PARTIAL),
        ({"eventName": "PutBucketTagging", "requestParameters": {"bucketName": "b"}}, IgnoredBecause.NOT_AN_OBJECT),
        ({"errorCode": "AccessDenied"}, IgnoredBecause.FAILED),
    ],
)
def test_calls_that_change_no_object_are_ignored(change, because):
    call = {
        "eventSource": "s3.amazonaws.com",
        "eventName": "PutObject",
        "requestParameters": {"bucketName": "b", "key": "k"},
    }
    assert isinstance(read_events(call)[0], ObjectEvent)
    assert read_events({**call, **change})[0].because is because


def test_a_bulk_delete_with_keys_is_one_event_per_key():
    call = {
        "eventSource": "s3.amazonaws.com",
        "eventName": "DeleteObjects",
        "requestParameters": {"bucketName": "b", "delete": {"objects": [{"key": "x"}, {"key": "y", "versionId": "v"}]}},
    }
    assert [(event.key, event.version_id, event.removes) for event in read_events({"Records": [call]})] == [
        ("x", "", True),
        ("y", "v", True),
    ]


def test_events_of_other_services_are_unrecognised():
    for payload in (
        {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {}},
        {"source": "aws.storagegateway", "detail-type": "Storage Gateway Refresh Cache Event", "detail": {}},
        {"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances", "requestParameters": {}},
        {"Records": [{"eventSource": "aws:s3:not", "s3": {}}]},
    ):
        (reading,) = read_events(payload)
        assert isinstance(reading, Unrecognised), reading


def _nested(times):
    text = json.dumps(configuration_notice("b"))
    for _ in range(times):
        text = json.dumps({"body": text}) if times < 12 else '{"body":' + text + "}"
    return text


loop: dict = {}
loop["Records"] = [loop, loop]
loop["body"] = loop


@pytest.mark.parametrize(
    "payload",
    [
        "",
        b"",
        b"\xff\xfe\x00",
        "\ud800",
        '"\\ud800"',
        "NaN",
        '{"Records": NaN}',
        "[" * 100_000,
        "[" * 900 + "]" * 900,
        '{"Records":[' * 400 + "]}" * 400,
        _nested(9),
        _nested(300),
        None,
        7,
        float("nan"),
        object(),
        loop,
        {"Records": {"a": 1}},
        {"Records": [{"s3": None}]},
        {"Records": [{"s3": {"bucket": [], "object": {"key": {"a": 1}}}}]},
        {"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "\ud800"}}}]},
        {"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "%E0%80"}}}]},
        {1: 2, None: 3},
        {"detail-type": 5, "source": [], "detail": "x"},
        {"Sns": {}},
        {"Type": "Notification"},
        {"body": None},
        memoryview(b"abc"),
        memoryview(b"abcdef")[::2],
        " " * (MAX_PAYLOAD_BYTES + 1),
    ],
    ids=lambda payload: f"{type(payload).__name__}-{str(payload)[:12]!a}" if not isinstance(payload, dict) else None,
)
def test_an_unrecognised_payload_has_a_reason(payload):
    readings = read_events(payload)
    assert readings
    for reading in readings:
        assert isinstance(reading, Unrecognised), reading
        assert reading.reason
        assert len(reading.sample) <= 200
        assert (reading.reason + reading.sample).encode().decode().isprintable()


def test_too_many_records_end_in_an_unrecognised_reading():
    readings = read_events({"Records": [{"body": "[" + "0," * 90_000 + "0]"}] * 3})
    assert len(readings) == 100_001
    assert "more than" in readings[-1].reason


def test_payloads_without_work_are_ignored():
    assert read_events('{"Records":[]}') == (Ignored(IgnoredBecause.EMPTY, ()),)
    assert read_events("[]") == (Ignored(IgnoredBecause.EMPTY, (Hop.PIPES,)),)


words = st.sampled_from(
    [
        "Records",
        "s3",
        "bucket",
        "object",
        "key",
        "name",
        "eventName",
        "eventSource",
        "aws:s3",
        "aws:sqs",
        "body",
        "Body",
        "Sns",
        "Message",
        "Type",
        "Notification",
        "TopicArn",
        "detail",
        "detail-type",
        "source",
        "aws.s3",
        "requestParameters",
        "s3.amazonaws.com",
        "PutObject",
        "DeleteObjects",
        "resources",
        "delete",
        "objects",
        "eventTime",
        "size",
        "sequencer",
        "Messages",
        "Event",
        "s3:TestEvent",
        "AWS API Call via CloudTrail",
        "eventVersion",
        "2.1",
        "responseElements",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary() | words,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(words | st.text(max_size=3) | st.integers(), inner, max_size=6)
        | inner.map(lambda value: json.dumps(value, default=repr, skipkeys=True))
    ),
    max_leaves=25,
)


def check_total(payload):
    readings = read_events(payload)
    assert readings
    for reading in readings:
        match reading:
            case ObjectEvent():
                assert reading.bucket
                assert reading.key
                assert reading.at is None or reading.at.tzinfo is not None
                repr(asdict(reading)).encode()
            case Ignored() | Unrecognised():
                repr(reading).encode()
            case _:
                pytest.fail(f"not a reading: {reading!r}")


@given(anything)
@settings(max_examples=examples(300), deadline=None)
@example(
    {
        "Records": [
            {
                "s3": {"bucket": {"name": "b"}, "object": {"key": "k", "size": True}},
                "eventTime": "0001-01-01T00:00+14:00",
            }
        ]
    }
)
def test_the_reader_never_raises(payload):
    check_total(payload)


@pytest.mark.slow
@given(anything)
@settings(max_examples=examples(30_000), deadline=None)
def test_the_reader_never_raises_for_many_more_payloads(payload):
    check_total(payload)


@given(st.data())
@settings(max_examples=examples(200), deadline=None)
def test_a_damaged_payload_is_read_or_unrecognised(data):
    """Replace members of real payloads by arbitrary values: wrong types at every place."""
    case = json.loads(data.draw(st.sampled_from(SAMPLES)).read_text())["payload"]
    for _ in range(data.draw(st.integers(1, 3))):
        _damage(case, data)
    check_total(case)


def _damage(value, data):
    while isinstance(value, (dict, list)) and value:
        at = data.draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        if not isinstance(value[at], (dict, list)) or not value[at] or data.draw(st.booleans()):
            value[at] = data.draw(anything)
            return
        value = value[at]


def other(source, key, **more):
    s3_object = {
        "key": key,
        "size": 3,
        "eTag": "e",
        "versionId": more.pop("version", ""),
        "sequencer": more.pop("sequencer", ""),
    }
    record = {
        "eventVersion": "2.0",
        "eventSource": source,
        "awsRegion": "",
        "eventTime": "2019-11-22T13:47:35.124724Z",
        "eventName": more.pop("name", "s3:ObjectCreated:Put"),
        "s3": {"bucket": {"name": "photos"}, "object": s3_object},
    }
    (event,) = read_events({"EventName": record["eventName"], "Key": "photos/x", "Records": [record]})
    return event


def test_minio_encodes_keys_and_has_its_own_event_names():
    event = other("minio:s3", "in%2Fred+flower%2B.jpg", version="1", sequencer="15CFEDF8D5304D1A")
    assert isinstance(event, ObjectEvent)
    assert (event.kind, event.bucket, event.key) == (Kind.CREATED, "photos", "in/red flower+.jpg")
    assert (event.version_id, event.sequencer) == ("", "15CFEDF8D5304D1A")
    assert other("minio:s3", "a", name="s3:ObjectRemoved:Delete").removes
    assert other("minio:s3", "a", name="s3:ObjectCreated:PutTagging").kind is Kind.TAGGING
    assert other("minio:s3", "a", name="s3:ObjectCreated:PutRetention").kind is Kind.OTHER
    assert other("minio:s3", "a", name="s3:ObjectAccessed:Get").kind is Kind.OTHER


def test_ceph_keys_are_plain_and_sequencers_little_endian():
    """The sample of Ceph's documentation: 2019-11-22T13:47:35 is F7E6D75D."""
    event = other("ceph:s3", "in/50%+done.txt", name="ObjectCreated:Put", sequencer="F7E6D75DC742D108")
    assert (event.key, event.sequencer) == ("in/50%+done.txt", "5DD7E6F708D142C7")
    later = other("ceph:s3", "in/50%+done.txt", name="ObjectCreated:Put", sequencer="F8E6D75D01000000")
    assert newer(later, event)
    assert other("ceph:s3", "a", sequencer="12").sequencer == ""
