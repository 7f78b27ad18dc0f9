from datetime import UTC, datetime

import pytest

from tests.inventory.fake import NOW, ONE, bucket_world, collect, denied, gone, unreachable
from windlass.core.errors import AwsError
from windlass.inventory.buckets import location_region, storage_measures
from windlass.inventory.catalog import BY_NAME
from windlass.inventory.model import GLOBAL, ScopeState

DETAILS = {detail.operation for detail in BY_NAME["s3.bucket"].details}
KEY = (ONE, GLOBAL, "s3.bucket")


def buckets_of(caller, **options):
    whole, results = collect(caller, "s3.bucket", **options)
    assert whole
    result = results[KEY]
    return result, {observation.resource_id: observation for observation in result.observations}


@pytest.mark.parametrize(
    ("constraint", "partition", "region"),
    [
        (None, "aws", "us-east-1"),
        ("", "aws", "us-east-1"),
        ("EU", "aws", "eu-west-1"),
        ("ap-south-1", "aws", "ap-south-1"),
        (None, "aws-us-gov", "us-gov-west-1"),
    ],
)
def test_what_a_location_constraint_stands_for(constraint, partition, region):
    assert location_region(constraint, partition) == region


def test_one_listing_per_account_and_every_detail_where_the_bucket_lives_by_its_owner():
    where = {"a": "us-east-1", "b": "eu-west-1", "c": "ap-southeast-2", "d": "eu-west-1", "e": "us-east-1"}
    caller = bucket_world(where)
    result, found = buckets_of(caller)
    assert result.state is ScopeState.OK
    assert {name: one.region for name, one in found.items()} == where
    listings = [call for call in caller.log if call[3] == "ListBuckets"]
    assert len(listings) == 3  # one sequence of three pages
    assert not [call for call in caller.log if call[3] in ("GetBucketLocation", "HeadBucket")]
    details = [call for call in caller.log if call[3] in DETAILS]
    assert len(details) == len(where) * len(DETAILS)
    assert all(region == where[params["Bucket"]] for _, region, _, _, params in details)
    assert all(params["ExpectedBucketOwner"] == ONE for *_, params in details)


def test_a_configuration_that_is_not_there_is_a_fact():
    absent = {
        ("s3", detail.operation): gone(detail.absent[0]) if detail.absent else {}
        for detail in BY_NAME["s3.bucket"].details
    }
    result, found = buckets_of(_with(absent))
    document = found["a"].document
    assert result.state is ScopeState.OK
    assert found["a"].unknown == frozenset()
    assert document["Encryption"] is None
    assert document["Policy"] is None
    assert document["Tags"] == {}


def _with(answers):
    caller = bucket_world({"a": "us-east-1"})
    caller.answers |= answers
    return caller


def test_a_denied_detail_is_unknown_and_the_bucket_stays():
    result, found = buckets_of(_with({("s3", "GetBucketPolicy"): denied(), ("s3", "GetBucketTagging"): denied()}))
    assert result.state is ScopeState.PARTIAL
    assert found["a"].unknown == {"Policy", "Tags"}
    assert not {"Policy", "Tags"} & found["a"].document.keys()
    assert result.error_code == "AccessDenied"


def test_a_detail_the_endpoint_does_not_know_is_unknown_without_ado():
    result, found = buckets_of(_with({("s3", "GetBucketMetadataConfiguration"): AwsError("no", code="NotImplemented")}))
    assert result.state is ScopeState.OK
    assert found["a"].unknown == {"MetadataConfiguration"}


def test_a_bucket_deleted_in_mid_collection_is_as_last_known_and_no_error():
    def policy(account_id, region, params):
        return gone() if params["Bucket"] == "b" else {"Policy": "{}"}

    caller = bucket_world({"a": "us-east-1", "b": "us-east-1", "c": "eu-west-1"})
    caller.answers["s3", "GetBucketPolicy"] = policy
    result, found = buckets_of(caller)
    assert result.state is ScopeState.OK
    assert found.keys() == {"a", "b", "c"}  # the next listing decides whether it is gone
    assert "Policy" in found["b"].unknown


def test_a_listing_without_regions_asks_each_bucket_and_knows_null_and_eu():
    def location(account_id, region, params):
        assert region == GLOBAL
        return {"old": {"LocationConstraint": "EU"}, "first": {"LocationConstraint": None}}.get(
            params["Bucket"], {"LocationConstraint": "eu-central-1"}
        )

    caller = bucket_world({"old": None, "first": None, "new": None, "told": "us-west-2"})
    caller.answers["s3", "GetBucketLocation"] = location
    _, found = buckets_of(caller)
    assert {name: one.region for name, one in found.items()} == {
        "old": "eu-west-1",
        "first": "us-east-1",
        "new": "eu-central-1",
        "told": "us-west-2",
    }
    assert caller.counts()["GetBucketLocation"] == 3


def test_who_may_not_ask_for_the_location_learns_it_from_the_head():
    caller = bucket_world({"a": None})
    caller.answers |= {("s3", "GetBucketLocation"): denied(), ("s3", "HeadBucket"): {"BucketRegion": "eu-west-1"}}
    result, found = buckets_of(caller)
    assert found["a"].region == "eu-west-1"
    assert result.state is ScopeState.OK


def test_a_bucket_nobody_will_place_is_still_there_and_the_others_unharmed():
    caller = bucket_world({"a": None, "b": "us-east-1"})
    caller.answers |= {("s3", "GetBucketLocation"): denied(), ("s3", "HeadBucket"): denied()}
    result, found = buckets_of(caller)
    assert result.state is ScopeState.PARTIAL
    assert found["b"].unknown == frozenset()
    assert {"Region", "Policy", "Tags"} <= found["a"].unknown


def test_a_bucket_deleted_before_it_was_placed_is_gone():
    caller = bucket_world({"a": None, "b": "us-east-1"})
    caller.answers["s3", "GetBucketLocation"] = gone()
    result, found = buckets_of(caller)
    assert (result.state, found.keys()) == (ScopeState.OK, {"b"})


def test_a_dead_region_costs_only_the_details_of_its_own_buckets():
    names = {f"live{n}": "us-east-1" for n in range(20)} | {f"dead{n}": "me-south-1" for n in range(20)}
    caller = bucket_world(names)
    caller.fault = lambda account, region, *_: unreachable() if region == "me-south-1" else None
    result, found = buckets_of(caller, concurrency=8)
    assert found.keys() == names.keys()
    assert all(found[name].unknown == frozenset() for name in names if name.startswith("live"))
    assert all(len(found[name].unknown) == len(DETAILS) for name in names if name.startswith("dead"))
    assert (result.state, result.error_code) == (ScopeState.PARTIAL, "EndpointUnreachable")
    assert sum(call[1] == "me-south-1" for call in caller.log) < 10  # of 440: the breaker spared the rest
    assert ("me-south-1", "cloudwatch") not in {(call[1], call[2]) for call in caller.log}


def test_a_denied_listing_reports_no_bucket_and_is_not_complete():
    caller = bucket_world({"a": "us-east-1"})
    caller.answers["s3", "ListBuckets"] = denied()
    result, found = buckets_of(caller)
    assert (result.state, found) == (ScopeState.DENIED, {})


def test_a_refused_second_page_is_no_complete_listing():
    caller = bucket_world({"a": "us-east-1", "b": "us-east-1", "c": "us-east-1"})
    pages = []

    def fault(account_id, region, service, operation, params):
        if operation == "ListBuckets":
            pages.append(1)
            return denied() if len(pages) == 2 else None
        return None

    caller.fault = fault
    result, found = buckets_of(caller)
    assert (result.state, found) == (ScopeState.DENIED, {})


def test_configurations_are_read_page_after_page():
    pages = [{"InventoryConfigurationList": [{"Id": f"i{n}"}]} for n in range(3)]
    _, found = buckets_of(_with({("s3", "ListBucketInventoryConfigurations"): pages}))
    assert [configuration["Id"] for configuration in found["a"].document["InventoryConfigurations"]] == [
        "i0",
        "i1",
        "i2",
    ]


def metrics(account_id, region, params):
    def value(query):
        dimensions = {
            dimension["Name"]: dimension["Value"] for dimension in query["MetricStat"]["Metric"]["Dimensions"]
        }
        return {"AllStorageTypes": [12.0], "StandardStorage": [1000.0, 900.0], "GlacierStorage": [50.0]}.get(
            dimensions["StorageType"], []
        )

    return {"MetricDataResults": [{"Id": entry["Id"], "Values": value(entry)} for entry in params["MetricDataQueries"]]}


def test_sizes_are_shown_beside_the_document_so_that_growth_is_no_change():
    _, found = buckets_of(_with({("cloudwatch", "GetMetricData"): metrics}))
    assert found["a"].measures["object_count"] == 12
    assert found["a"].measures["size_bytes"] == 1050
    assert "1050" not in str(found["a"].document)


def test_without_metrics_the_buckets_are_complete():
    result, found = buckets_of(_with({("cloudwatch", "GetMetricData"): denied()}))
    assert (result.state, found["a"].measures) == (ScopeState.OK, {})


def test_metrics_are_asked_for_in_batches_of_500_series():
    sizes = []

    def pages(operation, **params):
        sizes.append(len(params["MetricDataQueries"]))
        return [metrics("", "", params)]

    found = storage_measures(pages, [f"b{n}" for n in range(300)], now=datetime(2026, 1, 1, tzinfo=UTC))
    assert max(sizes) == 500
    assert len(found) == 300
    assert all(value["size_bytes"] == 1050 for value in found.values())


def test_the_day_a_bucket_was_listed_as_made_is_no_part_of_its_document():
    # S3 moves CreationDate when a bucket's configuration replicates; it says nothing reliable.
    caller = bucket_world({"a": "us-east-1"})
    _, before = buckets_of(caller)
    assert NOW.isoformat()[:10] not in str(before["a"].document)
