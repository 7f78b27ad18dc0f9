"""Times, durations, sizes, ARNs, ids and secrets: what people type and what is stored."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.core.arns import Arn, format_arn, parse_arn, partition_of
from windlass.core.clock import format_time, parse_time, parse_when
from windlass.core.errors import UsageError
from windlass.core.ids import new_id
from windlass.core.secret import Secret
from windlass.core.units import format_bytes, format_duration, parse_duration_s, parse_size_bytes

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))
)
def test_stored_times_sort_as_they_happened_and_come_back(one, other):
    one, other = one.replace(tzinfo=UTC), other.replace(tzinfo=UTC)
    assert parse_time(format_time(one)) == one
    assert (format_time(one) < format_time(other)) == (one < other)
    assert len(format_time(one)) == 27


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("yesterday", NOW - timedelta(days=1)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:00+02:00", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("2026-11-01T08:00Z", datetime(2026, 11, 1, 8, tzinfo=UTC)),
    ],
)
def test_times_as_people_type_them(text, expected):
    assert parse_when(text, at=NOW) == expected


def test_nonsense_is_refused_with_examples():
    with pytest.raises(UsageError) as caught:
        parse_when("last tuesday", at=NOW)
    assert "7d" in caught.value.hint


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), (5, 5), ("250ms", 0.25), ("1h30m", 5400), ("7d", 604800)])
def test_durations(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "fast", "10 parsecs", "1h!"])
def test_what_is_no_duration(text):
    with pytest.raises(UsageError):
        parse_duration_s(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1024", 1024), ("64MiB", 64 << 20), ("5 GB", 5 * 10**9), ("1.5TiB", int(1.5 * 2**40)), ("1k", 1024)],
)
def test_sizes(text, size):
    assert parse_size_bytes(text) == size


def test_shown_units():
    assert [format_bytes(n) for n in (0, 1023, 1536, 5 << 30)] == ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]
    assert [format_duration(s) for s in (0.25, 4.2, 185, 7800, 270000)] == [
        "250 ms",
        "4.2 s",
        "3 m 5 s",
        "2 h 10 m",
        "3 d 3 h",
    ]


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("arn:aws:s3:::my-bucket", "", "my-bucket"),
        ("arn:aws:ec2:eu-west-1:111111111111:instance/i-1", "instance", "i-1"),
        ("arn:aws:rds:eu-west-1:111111111111:db:orders", "db", "orders"),
        ("arn:aws-cn:iam::111111111111:role/path/to/Role", "role", "path/to/Role"),
        ("arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/x:*", "log-group", "/aws/lambda/x:*"),
    ],
)
def test_arns_come_apart_and_together(text, kind, name):
    arn = parse_arn(text)
    assert (arn.resource_type, arn.resource_id, str(arn)) == (kind, name, text)


@pytest.mark.parametrize("text", ["", "i-123", "arn:aws:s3", "arn::s3:::b", "urn:aws:s3:::b"])
def test_what_is_no_arn(text):
    assert parse_arn(text) is None


def test_partitions_follow_the_region():
    regions = ["eu-west-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"]
    assert [partition_of(r) for r in regions] == ["aws", "aws-us-gov", "aws-cn", "aws-iso", "aws-iso-b", "aws-eusc"]
    assert format_arn("sqs", "cn-north-1", "1", "q") == str(Arn("aws-cn", "sqs", "cn-north-1", "1", "q"))


def test_ids_sort_by_time_and_do_not_repeat():
    early, late = new_id("job", NOW), new_id("job", NOW + timedelta(milliseconds=2))
    assert early < late
    assert len({new_id("job", NOW) for _ in range(5000)}) == 5000


def test_a_secret_never_shows_itself(caplog):
    secret = Secret("hunter2")
    with caplog.at_level(logging.WARNING):
        logging.getLogger("x").warning("using %s %r", secret, secret)
    shown = caplog.text + f"{secret} {secret!r} {[secret]}" + json.dumps({"s": secret}, default=str)
    assert "hunter2" not in shown
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2") != Secret("hunter3")
