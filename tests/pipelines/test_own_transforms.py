"""A user's own transforms: one or many outputs by annotation, one run per object, whatever they raise."""

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
def test_the_annotation_decides_between_one_and_many_outputs(name, many):
    assert read_transform(OWN + name).many is many


def test_the_guides_example_transform_runs_once(s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/a/order.json", Body=b'{"id": 7}')
    configured = pipeline(buckets, transform=OWN + "document", target=f"s3://{out}/{{dir}}{{stem}}.json")
    process(configured, clients, raw, "in/a/order.json", event(buckets, "in/a/order.json"))
    assert json.loads(s3.get_object(Bucket=out, Key="a/order.json")["Body"].read()) == {"id": 7, "seen": True}
    assert own_transforms.RUNS == ["document"]


@pytest.mark.parametrize("name", ["several", "listed", "generated", "bare"])
def test_many_outputs_of_one_run_are_all_published(name, s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/words", Body=b"one two three")
    configured = pipeline(buckets, transform=OWN + name, target=f"s3://{out}/{{dir}}{{name}}")
    handled = process(configured, clients, raw, "in/words", event(buckets, "in/words"))
    assert sorted(handled.outputs) == ["one", "three", "two"]
    assert s3.get_object(Bucket=out, Key="three")["Body"].read() == b"three!"
    assert own_transforms.RUNS == ["several"]


def test_no_output_is_published_when_a_later_one_fails(s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/words", Body=b"one broken three")
    configured = pipeline(buckets, transform=[OWN + "several", "gzip"], target=f"s3://{out}/{{dir}}{{name}}")
    with pytest.raises(ValueError, match="broken"):
        process(configured, clients, raw, "in/words", event(buckets, "in/words"))
    assert "Contents" not in s3.list_objects_v2(Bucket=out)
    assert own_transforms.RUNS == ["several"]


def test_undeclared_several_outputs_fail_before_one_is_published(s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    s3.put_object(Bucket=raw, Key="in/words", Body=b"one two")
    configured = pipeline(buckets, transform=OWN + "undeclared", target=f"s3://{out}/{{dir}}{{name}}")
    with pytest.raises(ConfigError, match="without declaring them"):
        process(configured, clients, raw, "in/words", event(buckets, "in/words"))
    assert "Contents" not in s3.list_objects_v2(Bucket=out)


def test_a_panic_on_one_object_does_not_stop_the_others(s3, clients, buckets):  # noqa: F811
    raw, out = buckets
    for key, body in (("in/bad", b"bad"), ("in/good", b"good")):
        s3.put_object(Bucket=raw, Key=key, Body=body)
    configured = pipeline(buckets, transform=OWN + "panics", target=f"s3://{out}/{{path}}")
    runner = PipelineRunner([(configured, clients)])
    with pytest.raises(Panic):
        runner.handle([event(buckets, "in/bad"), event(buckets, "in/good")])
    assert s3.get_object(Bucket=out, Key="good")["Body"].read() == b"good"
