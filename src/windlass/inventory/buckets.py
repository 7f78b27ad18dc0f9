"""The lister of S3 buckets: one listing per account, then the region of each bucket, whose details are read there.

Facts (Amazon S3 API Reference): ListBuckets ignores the region and lists all; it returns BucketRegion only when
the request carries a parameter, so MaxBuckets is always sent; a null LocationConstraint means us-east-1 (in `aws`),
`EU` means eu-west-1; GetBucketLocation is the one call that may be sent to us-east-1 for any bucket.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from windlass.core.errors import AccessDenied, NotFound, WindlassError
from windlass.inventory.detail_reader import ReadTimes
from windlass.inventory.listing import ListingContext
from windlass.inventory.model import GLOBAL
from windlass.inventory.observations import items_of
from windlass.inventory.scope_scan import Item, ScopeScan

__all__ = ["LIST_PARAMS", "bucket_region", "list_buckets", "location_region", "storage_measures"]

Call = Callable[..., dict[str, Any]]
"""(operation, **params) -> response, in a fixed account and region."""
Pages = Callable[..., Iterable[dict[str, Any]]]

_DEFAULT_REGION = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
LIST_PARAMS: Mapping[str, Any] = {"MaxBuckets": 1000}
_STORAGE_TYPES = (
    "StandardStorage",
    "StandardIAStorage",
    "OneZoneIAStorage",
    "IntelligentTieringFAStorage",
    "IntelligentTieringIAStorage",
    "GlacierInstantRetrievalStorage",
    "GlacierStorage",
    "DeepArchiveStorage",
)
_QUERIES_PER_CALL = 500  # the most that GetMetricData takes
_METRIC_DAYS = 3  # CloudWatch publishes storage metrics once a day, up to two days late


def list_buckets(context: ListingContext, scan: ScopeScan, read_times: ReadTimes) -> None:
    """List the account's buckets. Buckets listed without their region are located by separate tasks."""
    by_region: dict[str, list[Item]] = {}
    names = scan.selection.names if scan.selection else frozenset()
    prefix = {"Prefix": min(names)} if len(names) == 1 else {}
    for page in context.calls.pages(scan, GLOBAL, "s3", "ListBuckets", **LIST_PARAMS, **prefix):
        for document in items_of(scan.kind, page):
            if not scan.is_wanted(document):
                continue
            region = str(document.pop("BucketRegion", "") or "")
            document.pop("BucketArn", None)
            item = Item(document, region)
            if region:
                _add_bucket(context, scan, item, read_immediately=not read_times)
                by_region.setdefault(region, []).append(item)
            else:
                task = functools.partial(_locate, context, scan, item)
                on_failure = functools.partial(_add_unlocated, scan, item)
                context.submit(scan, GLOBAL, task, on_failure, detail=True)
    for region, items in by_region.items():
        _submit_measures(context, scan, region, items)


def _locate(context: ListingContext, scan: ScopeScan, item: Item) -> None:
    call = functools.partial(context.calls.call, scan, GLOBAL, "s3")
    try:
        item.region = bucket_region(call, item.document["Name"], context.partition(scan.scope.account_id))
    except NotFound:
        return  # deleted since it was listed
    _add_bucket(context, scan, item, read_immediately=True)
    _submit_measures(context, scan, item.region, [item])


def _add_unlocated(scan: ScopeScan, item: Item, error: WindlassError) -> None:
    """Add a bucket that exists, but whose region and configuration are unknown in this run."""
    item.region, item.located = GLOBAL, False
    scan.add_item(item)
    scan.mark_unreadable(error)


def _add_bucket(context: ListingContext, scan: ScopeScan, item: Item, *, read_immediately: bool) -> None:
    item.document["Region"] = item.region
    scan.add_item(item)
    context.details.add(scan, item)
    if read_immediately:
        context.details.feed(scan, (item.region,))


def _submit_measures(context: ListingContext, scan: ScopeScan, region: str, items: list[Item]) -> None:
    if context.read_measures:
        # A bucket's configuration does not depend on its size: a failure to read sizes is ignored.
        task = functools.partial(_read_measures, context, scan, region, items)
        context.submit(scan, region, task, lambda _: None, detail=True)


def _read_measures(context: ListingContext, scan: ScopeScan, region: str, items: list[Item]) -> None:
    context.calls.check(scan, region, "s3")  # do not wait for CloudWatch in a region where S3 does not answer
    by_name = {item.document["Name"]: item for item in items}
    pages = functools.partial(context.calls.pages, scan, region, "cloudwatch")
    for name, measures in storage_measures(pages, by_name, now=context.now()).items():
        by_name[name].measures = measures


def location_region(constraint: str | None, partition: str = "aws") -> str:
    """Return the region that a LocationConstraint stands for."""
    if not constraint:
        return _DEFAULT_REGION.get(partition, "us-east-1")
    return "eu-west-1" if constraint == "EU" else constraint


def bucket_region(call: Call, name: str, partition: str) -> str:
    """Return the region of a bucket that was listed without one (older and S3-compatible endpoints do so).

    GetBucketLocation needs a permission of its own; HeadBucket returns the region to every caller that may list the
    bucket. AccessDenied when neither is allowed, NotFound when the bucket is gone.
    """
    try:
        return location_region(call("GetBucketLocation", Bucket=name).get("LocationConstraint"), partition)
    except AccessDenied as refused:
        try:
            region = call("HeadBucket", Bucket=name).get("BucketRegion")
        except WindlassError:
            region = None
        if not region:
            raise refused from None
        return str(region)


def storage_measures(pages: Pages, names: Iterable[str], *, now: dt.datetime) -> dict[str, dict[str, Any]]:
    """Return size and object count by bucket of one region, from CloudWatch's daily storage metrics."""
    series = list(_series(names))
    measures: dict[str, dict[str, Any]] = {}
    for start in range(0, len(series), _QUERIES_PER_CALL):
        batch = series[start : start + _QUERIES_PER_CALL]
        responses = pages(
            "GetMetricData",
            MetricDataQueries=[_query(number, name, kind) for number, (name, kind) in enumerate(batch)],
            ScanBy="TimestampDescending",
            StartTime=now - dt.timedelta(days=_METRIC_DAYS),
            EndTime=now,
        )
        for page in responses:
            for result in page.get("MetricDataResults", ()):
                if result.get("Values"):
                    name, kind = batch[int(result["Id"][1:])]
                    _add_measure(measures.setdefault(name, {}), kind, result["Values"][0])
    return measures


def _series(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        yield name, "AllStorageTypes"
        for kind in _STORAGE_TYPES:
            yield name, kind


def _query(number: int, name: str, kind: str) -> dict[str, Any]:
    metric = "NumberOfObjects" if kind == "AllStorageTypes" else "BucketSizeBytes"
    dimensions = [{"Name": "BucketName", "Value": name}, {"Name": "StorageType", "Value": kind}]
    statistic = {
        "Metric": {"Namespace": "AWS/S3", "MetricName": metric, "Dimensions": dimensions},
        "Period": 86400,
        "Stat": "Average",
    }
    return {"Id": f"q{number}", "MetricStat": statistic, "ReturnData": True}


def _add_measure(measures: dict[str, Any], kind: str, value: float) -> None:
    if kind == "AllStorageTypes":
        measures["object_count"] = int(value)
        return
    measures["size_bytes"] = measures.get("size_bytes", 0) + int(value)
    measures.setdefault("size_bytes_by_class", {})[kind.removesuffix("Storage")] = int(value)
