"""Buckets: listed once per account, told apart by their real region, every detail read where the bucket lives.

Facts (Amazon S3 API Reference): ListBuckets ignores the region and answers for all; it returns BucketRegion only when
the request carries a parameter, so MaxBuckets is always sent; a null LocationConstraint means us-east-1 (in `aws`),
`EU` means eu-west-1; GetBucketLocation is the one call that may be asked from us-east-1 for any bucket.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from windlass.core.errors import AccessDenied, WindlassError

__all__ = ["LIST_PARAMS", "bucket_region", "location_region", "owner_params", "storage_measures"]

Call = Callable[..., dict[str, Any]]
"""(operation, **params) -> answer, in a place already chosen."""
Pages = Callable[..., Iterable[dict[str, Any]]]

_FIRST_REGION = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
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
_QUERIES_A_CALL = 500


def location_region(constraint: str | None, partition: str = "aws") -> str:
    """The region a LocationConstraint stands for."""
    if not constraint:
        return _FIRST_REGION.get(partition, "us-east-1")
    return "eu-west-1" if constraint == "EU" else constraint


def bucket_region(call: Call, name: str, partition: str) -> str:
    """Where a bucket lives that was listed without its region (older and S3-compatible endpoints).

    GetBucketLocation needs a permission of its own; HeadBucket tells the region to whoever may list the bucket.
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


def owner_params(account_id: str) -> dict[str, str]:
    """Every bucket detail takes it: never another account's bucket of the same name."""
    return {"ExpectedBucketOwner": account_id}


def storage_measures(pages: Pages, names: Iterable[str], *, now: dt.datetime) -> dict[str, dict[str, Any]]:
    """Size and object count by bucket of one region, from CloudWatch's daily storage metrics: 500 series a call.

    CloudWatch publishes them once a day, up to two days late, so the last three days are asked for.
    """
    series = list(_series(names))
    found: dict[str, dict[str, Any]] = {}
    for at in range(0, len(series), _QUERIES_A_CALL):
        batch = series[at : at + _QUERIES_A_CALL]
        queries = [_query(number, *one) for number, one in enumerate(batch)]
        answers = pages(
            "GetMetricData",
            MetricDataQueries=queries,
            ScanBy="TimestampDescending",
            StartTime=now - dt.timedelta(days=3),
            EndTime=now,
        )
        for page in answers:
            for result in page.get("MetricDataResults", ()):
                if result.get("Values"):
                    name, kind = batch[int(result["Id"][1:])]
                    _note(found.setdefault(name, {}), kind, result["Values"][0])
    return found


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


def _note(measures: dict[str, Any], kind: str, value: float) -> None:
    if kind == "AllStorageTypes":
        measures["object_count"] = int(value)
        return
    measures["size_bytes"] = measures.get("size_bytes", 0) + int(value)
    measures.setdefault("size_bytes_by_class", {})[kind.removesuffix("Storage")] = int(value)
