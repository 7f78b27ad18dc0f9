"""A user's own transforms: one or many by their annotation, each run once, whatever they raise."""

import json

import pytest

from tests.pipelines import own_transforms
from tests.pipelines.own_transforms import Panic
from tests.pipelines.test_executor import aws, buckets, clients, event, pipeline, s3  # noqa: F401
from windlass.core.errors import ConfigError
from windlass.pipelines.chain import read_transform
from windlass.pipelines.executor import process
from windlass.pipelines.runner import PipelineRunner

OWN = "tests.pipelines.own_transforms:"


@pytest.fixture(autouse=True)
def counted():
    own_transforms.RUNS.clear()


@pytest.mark.parametrize(
    ("name", "many"),
    [
        ("document", False),
        ("maybe", False),
        ("streamed", False),
        ("rows", False),
        ("panics", False),
        ("undeclared", False),
        ("several", True),
        ("listed", True),
        ("generated", True),
        ("iterable", True),
        ("bare", True),
    ],
)
def test_one_or_many_follows_from_the_annotation(name, many):
    assert read_transform(OWN + name).many is many


def test_the_guides_own_example_is_taken_and_runs_once(s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a/order.json", Body=b'{"id": 7}')
    made = pipeline(buckets, transform=OWN + "document", target=f"s3://{out}/{{dir}}{{stem}}.json")
    process(made, clients, raw, "in/a/order.json", event(buckets, "in/a/order.json"))
    assert json.loads(s3.get_object(Bucket=out, Key="a/order.json")["Body"].read()) == {"id": 7, "seen": True}
    assert own_transforms.RUNS == ["document"]


@pytest.mark.parametrize("name", ["several", "listed", "generated", "bare"])
def test_many_outputs_are_made_in_one_run_and_all_published(name, s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/words", Body=b"one two three")
    made = pipeline(buckets, transform=OWN + name, target=f"s3://{out}/{{dir}}{{name}}")
    handled = process(made, clients, raw, "in/words", event(buckets, "in/words"))
    assert sorted(handled.outputs) == ["one", "three", "two"]
    assert s3.get_object(Bucket=out, Key="three")["Body"].read() == b"three!"
    assert own_transforms.RUNS == ["several"]


def test_of_many_none_is_published_when_a_later_one_cannot_be_made(s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/words", Body=b"one broken three")
    made = pipeline(buckets, transform=[OWN + "several", "gzip"], target=f"s3://{out}/{{dir}}{{name}}")
    with pytest.raises(ValueError, match="broken"):
        process(made, clients, raw, "in/words", event(buckets, "in/words"))
    assert "Contents" not in s3.list_objects_v2(Bucket=out)
    assert own_transforms.RUNS == ["several"]


def test_several_that_are_not_declared_are_refused_before_one_is_published(s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/words", Body=b"one two")
    made = pipeline(buckets, transform=OWN + "undeclared", target=f"s3://{out}/{{dir}}{{name}}")
    with pytest.raises(ConfigError, match="without declaring them"):
        process(made, clients, raw, "in/words", event(buckets, "in/words"))
    assert "Contents" not in s3.list_objects_v2(Bucket=out)


def test_a_panic_on_one_object_leaves_the_others_their_turn(s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    for key, body in (("in/bad", b"bad"), ("in/good", b"good")):
        s3.put_object(Bucket=raw, Key=key, Body=body)
    made = pipeline(buckets, transform=OWN + "panics", target=f"s3://{out}/{{path}}")
    runner = PipelineRunner([(made, clients)])
    with pytest.raises(Panic):
        runner.handle([event(buckets, "in/bad"), event(buckets, "in/good")])
    assert s3.get_object(Bucket=out, Key="good")["Body"].read() == b"good"
