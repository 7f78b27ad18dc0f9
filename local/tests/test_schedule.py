"""Scheduled rules: when they fire, and that they do."""

from datetime import UTC, datetime

import pytest

from lambda_functions import ACCOUNT, TELL, Lab, fresh
from windlass_local.schedule import next_fire

NOW = datetime(2026, 11, 21, 2, 3, 4, 5, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", "2026-11-21 02:04:04"),
        ("rate(2 hours)", "2026-11-21 04:03:04"),
        ("rate(7 days)", "2026-11-28 02:03:04"),
        ("cron(* * * * ? *)", "2026-11-21 02:04:00"),
        ("cron(0 10 * * ? *)", "2026-11-21 10:00:00"),
        ("cron(0/15 * * * ? *)", "2026-11-21 02:15:00"),
        ("cron(2,3 2 * * ? *)", "2026-11-22 02:02:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-11-23 18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-12-01 08:00:00"),
        ("cron(30 0 29 FEB ? *)", "2028-02-29 00:30:00"),
        ("cron(5/10 0-1 ? * SUN *)", "2026-11-22 00:05:00"),
        ("cron(0 0 1 1 ? 2030)", "2030-01-01 00:00:00"),
    ],
)
def test_the_next_time_is_the_one_that_aws_means(expression, expected):
    result = next_fire(expression, NOW)
    assert result is not None
    assert result.strftime("%Y-%m-%d %H:%M:%S") == expected


@pytest.mark.parametrize(
    "expression", ["cron(0 0 L * ? *)", "cron(0 0 1 1 ? 2020)", "cron(60 * * * ? *)", "cron(* * *)", "", "at(now)"]
)
def test_what_is_not_understood_never_fires(expression):
    assert next_fire(expression, NOW) is None


def test_times_go_forward():
    at, seen = NOW, []
    for _ in range(5):
        at = next_fire("cron(7 3 ? * * *)", at)
        seen.append(at)
    assert [each.day for each in seen] == [21, 22, 23, 24, 25]


def test_a_scheduled_rule_gets_no_other_events(aws):
    lab = Lab(aws)
    url, arn = lab.queue()
    events, name = lab.client("events"), fresh("rule")
    events.put_rule(Name=name, ScheduleExpression="rate(7 days)")
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    events.put_events(Entries=[{"Source": "somebody", "DetailType": "d", "Detail": "{}"}])
    assert lab.received(url, 1, within_s=1) == []


@pytest.mark.slow
def test_a_rule_fires_each_minute_for_queues_and_functions_until_it_is_disabled(aws):
    lab = Lab(aws)
    message, told_arn = lab.queue()
    source = "from tell import tell\ndef handler(event, context): tell({'function': event})"
    name = lab.function(source, files={"tell.py": TELL}, Environment={"Variables": {"TELL": message}}, Timeout=20)
    events, rule = lab.client("events"), fresh("rule")
    events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")
    function_arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": told_arn}, {"Id": "f", "Arn": function_arn}])
    result = lab.received(message, 2, within_s=75)
    by_function = next(each["function"] for each in result if "function" in each)
    by_queue = next(each for each in result if "function" not in each)
    for event in (by_function, by_queue):
        assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert by_function["resources"][0].endswith(f":rule/{rule}")
    events.disable_rule(Name=rule)
    assert lab.received(message, 1, within_s=65) == []
