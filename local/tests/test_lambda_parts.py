"""The pure parts: filter patterns, names, retries, batches."""

import json

import pytest

from windlass_local.lambda_.batches import failed_ids, split
from windlass_local.lambda_.filters import FilterError, matches, passes, read_filters
from windlass_local.lambda_.function_name import parse_name
from windlass_local.lambda_.retries import (
    InvokeRetryPolicy,
    RetryDecision,
    decide_retry,
    delays_of_tag,
    wait_for_room_s,
)


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        (["a"], ["a", ["b", "a"]], ["b", 1, None, []]),
        ([1], [1, 1.0], ["1", True, 2]),
        ([None], [None], ["", 0]),
        ([True], [True], [1, "true"]),
        ([{"prefix": "ab"}], ["abc"], ["cab", 1]),
        ([{"suffix": ".png"}], ["x.png"], ["png.x", 1]),
        ([{"equals-ignore-case": "ALICE"}], ["alice"], ["bob"]),
        ([{"anything-but": ["a", 1]}], ["b", 2], ["a", 1]),
        ([{"anything-but": {"prefix": "init"}}], ["start"], ["initial"]),
        ([{"numeric": ["=", 5]}], [5], [6, "5"]),
        ([{"numeric": [">", 0, "<=", 5]}], [5, 0.1], [0, 6, True]),
        (["x", {"numeric": [">=", 10]}], ["x", 10], ["y", 9]),
    ],
)
def test_a_rule_agrees_with_what_it_should(rule, yes, no):
    for value in yes:
        assert matches({"k": rule}, {"k": value}), value
    for value in no:
        assert not matches({"k": rule}, {"k": value}), value


def test_existence_depth_and_alternatives():
    assert matches({"k": [{"exists": True}]}, {"k": None})
    assert not matches({"k": [{"exists": True}]}, {})
    assert matches({"k": [{"exists": False}]}, {})
    assert matches({"a": {"b": ["x"]}, "c": [1]}, {"a": {"b": "x"}, "c": 1, "d": 0})
    assert not matches({"a": {"b": ["x"]}, "c": [1]}, {"a": {"b": "x"}, "c": 2})
    either = {"$or": [{"a": [1]}, {"b": [2]}]}
    assert matches(either, {"b": 2})
    assert not matches(either, {"a": 2, "b": 1})


def test_a_body_of_another_format_is_not_wanted():
    on_json, on_text = read_filters({"Filters": [{"Pattern": '{"body": {"a": [1]}}'}, {"Pattern": '{"body": ["hi"]}'}]})
    assert passes([on_json], {"body": '{"a": 1}'})
    assert not passes([on_json], {"body": "a"})
    assert passes([on_text], {"body": "hi"})
    assert not passes([on_text], {"body": '{"hi": 1}'})
    assert passes([], {"body": "anything"})
    assert passes(
        [{"messageAttributes": {"k": {"stringValue": ["v"]}}}],
        {"body": "x", "messageAttributes": {"k": {"stringValue": "v"}}},
    )


@pytest.mark.parametrize(
    "pattern", ["", "[]", "{}", '{"a": 1}', '{"a": [["x"]]}', '{"a": [{"like": "x"}]}', '{"$or": [{"a": [1]}]}']
)
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(FilterError):
        read_filters({"Filters": [{"Pattern": pattern}]})


@pytest.mark.parametrize(
    ("text", "qualifier", "arn"),
    [
        ("f", "", "arn:aws:lambda:r:111111111111:function:f"),
        ("f:live", "", "arn:aws:lambda:r:111111111111:function:f:live"),
        ("f", "3", "arn:aws:lambda:r:111111111111:function:f:3"),
        ("222222222222:function:f", "", "arn:aws:lambda:r:222222222222:function:f"),
        (
            "arn:aws-cn:lambda:cn-north-1:222222222222:function:f:1",
            "",
            "arn:aws-cn:lambda:cn-north-1:222222222222:function:f:1",
        ),
    ],
)
def test_functions_have_four_ways_to_be_named(text, qualifier, arn):
    assert parse_name(text, "111111111111", "r", qualifier).arn == arn


def test_an_event_is_tried_as_often_and_as_long_as_its_owner_wants():
    usual = InvokeRetryPolicy()
    assert decide_retry(usual, runs=1, failed=False, age_s=0) == RetryDecision(None, "Success")
    assert decide_retry(usual, runs=1, failed=True, age_s=0) == RetryDecision(60.0)
    assert decide_retry(usual, runs=2, failed=True, age_s=61) == RetryDecision(120.0)
    assert decide_retry(usual, runs=3, failed=True, age_s=182) == RetryDecision(None, "RetriesExhausted")
    assert decide_retry(InvokeRetryPolicy(retries=0), runs=1, failed=True, age_s=0) == RetryDecision(
        None, "RetriesExhausted"
    )
    assert decide_retry(InvokeRetryPolicy(max_age_s=90), runs=1, failed=True, age_s=40) == RetryDecision(
        None, "EventAgeExceeded"
    )
    assert delays_of_tag("0.1 2") == (0.1, 2.0)
    assert delays_of_tag("soon") == delays_of_tag("") == usual.delays_s
    assert wait_for_room_s(0) < wait_for_room_s(3) < wait_for_room_s(50) == 2.0


def test_batches_are_cut_where_they_would_be_too_large():
    records = [{"messageId": str(n), "body": "x" * 100} for n in range(10)]
    pieces = split(records, 500)
    assert [each for piece, _ in pieces for each in piece] == records
    assert all(json.loads(event)["Records"] == piece for piece, event in pieces)
    assert all(len(event) <= 500 for _, event in pieces)
    assert len(split(records)) == 1
    assert split([]) == []


def test_failures_are_the_named_or_everything():
    def stay(answer, **how):
        return failed_ids(json.dumps(answer).encode(), ["a", "b"], **{"failed": False, "partial": True, **how})

    assert stay({"batchItemFailures": [{"itemIdentifier": "b"}]}) == {"b"}
    assert stay({"batchItemFailures": [{"itemIdentifier": "b"}]}, partial=False) == set()
    assert stay({}, failed=True) == {"a", "b"}
    assert stay({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "z"}]}) == {"a", "b"}
