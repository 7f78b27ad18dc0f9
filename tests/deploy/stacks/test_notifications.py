"""The merge of notification configurations: whatever is there stays, as it is."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from windlass.deploy.notifications import (
    conflicting_entries,
    entries_of,
    equivalent,
    own_entries,
    queue_entry,
    with_entries,
    without_entries,
)

MARK = "windlass.pipeline.p."
ids = st.text("abwindls.-p1", max_size=24) | st.sampled_from(
    [f"{MARK}1", f"{MARK}2", "windlass.pipeline.p-2.1", "windlass.pipeline.pp.1"]
)
events = st.lists(
    st.sampled_from(["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"]),
    min_size=1,
    unique=True,
)
texts = st.text("ab/.", max_size=4)


def entry(kind):
    return st.fixed_dictionaries(
        {kind: st.just(f"arn:aws:x:us-east-1:1:{kind}"), "Events": events},
        optional={
            "Id": ids,
            "Filter": st.lists(
                st.tuples(st.sampled_from(["Prefix", "suffix"]), texts), unique_by=lambda rule: rule[0]
            ).map(lambda rules: {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules]}}),
        },
    )


configurations = st.fixed_dictionaries(
    {},
    optional={
        "QueueConfigurations": st.lists(entry("QueueArn"), max_size=4),
        "TopicConfigurations": st.lists(entry("TopicArn"), max_size=3),
        "LambdaFunctionConfigurations": st.lists(entry("LambdaFunctionArn"), max_size=3),
        "EventBridgeConfiguration": st.just({}),
        "WhatAwsAddsNext": st.just({"Kept": True}),
    },
)
wanted = st.lists(st.tuples(texts, texts), max_size=3, unique=True).map(
    lambda filters: [
        queue_entry(MARK, at, "arn:q", ["s3:ObjectCreated:*"], *key_filter) for at, key_filter in enumerate(filters, 1)
    ]
)


def foreign(configuration):
    return without_entries(configuration, MARK)


@given(configurations, wanted)
def test_adding_changes_no_other_entry_and_brings_exactly_ours(now, entries):
    before = copy.deepcopy(now)
    after = with_entries(now, entries, MARK)
    assert now == before  # nothing is changed in place
    assert equivalent(foreign(after), foreign(now))
    assert list(own_entries(after, MARK)) == entries
    assert after.get("EventBridgeConfiguration") == now.get("EventBridgeConfiguration")
    assert after.get("WhatAwsAddsNext") == now.get("WhatAwsAddsNext")


@given(configurations, wanted)
def test_adding_twice_is_adding_once_and_removing_undoes_it(now, entries):
    once = with_entries(now, entries, MARK)
    assert with_entries(once, entries, MARK) == once
    assert equivalent(without_entries(once, MARK), foreign(now))
    assert own_entries(without_entries(once, MARK), MARK) == ()
    clean = foreign(now)
    assert equivalent(without_entries(with_entries(clean, entries, MARK), MARK), clean)


@given(configurations, st.randoms(use_true_random=False))
def test_order_and_the_case_of_rule_names_mean_nothing(now, dice):
    other = copy.deepcopy(now)
    for name, value in other.items():
        if name.endswith("Configurations"):
            dice.shuffle(value)
            for entry in value:
                dice.shuffle(entry["Events"])
                for rule in entry.get("Filter", {}).get("Key", {}).get("FilterRules", ()):
                    rule["Name"] = rule["Name"].swapcase()
    assert equivalent(now, other)


@given(configurations.filter(lambda configuration: list(entries_of(configuration))))
def test_one_entry_less_is_not_the_same(now):
    other = copy.deepcopy(now)
    name = next(name for name in other if name.endswith("Configurations") and other[name])
    other[name].pop()
    assert not equivalent(now, other)


def test_event_bridge_is_a_difference_though_it_is_empty():
    assert not equivalent({}, {"EventBridgeConfiguration": {}})
    assert equivalent({"QueueConfigurations": []}, {})


def test_the_mark_of_one_name_is_not_that_of_a_longer_one():
    other_stack = {"QueueConfigurations": [queue_entry("windlass.pipeline.p-2.", 1, "arn:q", ["s3:ObjectCreated:*"])]}
    assert without_entries(other_stack, MARK) == other_stack


def colliding(first, other):
    events, prefix, suffix = first
    foreign = {"TopicConfigurations": [{**queue_entry("x", 1, "arn:t", *other), "TopicArn": "arn:t"}]}
    return bool(conflicting_entries(foreign, [queue_entry(MARK, 1, "arn:q", events, prefix, suffix)], MARK))


def test_what_s3_refuses_beside_another_entry_is_known_before():
    every, put, gone = ["s3:ObjectCreated:*"], ["s3:ObjectCreated:Put"], ["s3:ObjectRemoved:*"]
    assert colliding((every, "in/", ""), (put, "", ""))
    assert colliding((put, "in/", ".yaml"), (every, "in/a/", "b.yaml"))
    assert not colliding((every, "in/", ""), (gone, "in/", ""))
    assert not colliding((every, "in/", ""), (every, "out/", ""))
    assert not colliding((every, "in/", ".yaml"), (every, "in/", ".json"))
    assert not colliding((put, "", ""), (["s3:ObjectCreated:Copy"], "", ""))
    own = {"QueueConfigurations": [queue_entry(MARK, 1, "arn:q", every)]}
    assert not conflicting_entries(own, [queue_entry(MARK, 1, "arn:q", every)], MARK)
