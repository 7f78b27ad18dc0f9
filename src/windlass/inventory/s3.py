"""Buckets: listed once per account, told apart by their real region, every detail read where the bucket lives.

Facts (Amazon S3 API Reference): ListBuckets ignores the region and answers for all; it returns BucketRegion only when
the request carries a parameter, so MaxBuckets is always sent; a null LocationConstraint means us-east-1 (in `aws`),
`EU` means eu-west-1; GetBucketLocation is the one call that may be asked from us-east-1 for any bucket.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from windlass.inventory.model import GLOBAL
from windlass.inventory.ports import Caller

__all__ = ["LIST_PARAMS", "bucket_region", "location_region", "owner_params", "storage_measures"]

LIST_PARAMS: Mapping[str, Any] = {"MaxBuckets": 1000}
_STORAGE_TYPES = (
    "StandardStorage", "StandardIAStorage", "OneZoneIAStorage", "IntelligentTieringFAStorage", "IntelligentTieringIAStorage",
    "GlacierInstantRetrievalStorage", "GlacierStorage", "DeepArchiveStorage",
)  # fmt: skip
_QUERIES_A_CALL = 500


def location_region(constraint: str | None) -> str:
    """The region a LocationConstraint stands for."""
    if not constraint:
        return "us-east-1"
    return "eu-west-1" if constraint == "EU" else constraint


def bucket_region(caller: Caller, account_id: str, bucket: Mapping[str, Any]) -> str:
    """Where a listed bucket lives: as the listing says, else (older, S3-compatible endpoints) by GetBucketLocation."""
    named = bucket.get("BucketRegion")
    if named:
        return str(named)
    answer = caller.call(account_id, GLOBAL, "s3", "GetBucketLocation", Bucket=bucket["Name"])
    return location_region(answer.get("LocationConstraint"))


def owner_params(operation: str, account_id: str) -> dict[str, str]:
    """`ExpectedBucketOwner` for the calls that take it (all bucket details do): never another account's bucket."""
    return {} if operation == "ListBuckets" else {"ExpectedBucketOwner": account_id}


def storage_measures(
    caller: Caller, account_id: str, region: str, names: Iterable[str], *, now: dt.datetime
) -> dict[str, dict[str, Any]]:
    """Size and object count by bucket, from CloudWatch's daily storage metrics: 500 series a call.

    CloudWatch publishes them once a day, up to two days late, so the last three days are asked for.
    """
    series = list(_series(names))
    found: dict[str, dict[str, Any]] = {}
    for at in range(0, len(series), _QUERIES_A_CALL):
        batch = series[at : at + _QUERIES_A_CALL]
        queries = [_query(number, *one) for number, one in enumerate(batch)]
        pages = caller.pages(
            account_id, region, "cloudwatch", "GetMetricData", MetricDataQueries=queries, ScanBy="TimestampDescending",
            StartTime=now - dt.timedelta(days=3), EndTime=now,
        )  # fmt: skip
        for page in pages:
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
