"""Sample events, transforms and rules are those of production; the fixture's account is the test's own."""

import boto3
import pytest

from windlass.core.errors import ConfigError, UsageError
from windlass.events import read_events
from windlass.pipelines import Rejected
from windlass.testing import WRAPPINGS, aggregate, object_event, transform, wrap_events

pytest_plugins = ["windlass.testing.fixtures"]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_the_production_reader_reads_every_wrapping(wrapping):
    (event,) = read_events(wrap_events([object_event("b", "in/a b+c.csv")], wrapping))
    assert (event.bucket, event.key) == ("b", "in/a b+c.csv")


def test_unknown_names_are_errors_with_the_nearest():
    with pytest.raises(UsageError, match="wrapping") as caught:
        wrap_events([], "s3 to lamda")
    assert "s3 to lambda" in caught.value.hint
    with pytest.raises(UsageError, match="event name"):
        object_event("b", "k", name="ObjectCreated:Putt")


def test_a_transform_makes_what_a_pipeline_makes_and_refuses_what_it_refuses():
    (output,) = transform(["yaml-to-json", "gzip"], b"a: 1", key="in/x.yaml")
    assert output.name == "x.json.gz"
    with pytest.raises(Rejected):
        transform("yaml-to-json", b"a: [")
    with pytest.raises(ConfigError):
        transform("yaml-to-jsonn", b"")


def test_a_wrong_rule_is_named():
    with pytest.raises(ConfigError, match="window_s"):
        aggregate({"window_s": 0}, [])


def test_the_fixture_reaches_the_embedded_aws_without_arguments(embedded_aws):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="reports")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["reports"]
    assert embedded_aws.client("sts").get_caller_identity()["Account"] == embedded_aws.account_id
    s3.close()
