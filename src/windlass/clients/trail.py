"""The trail of S3 data events: its calls and estimated cost (pure), and the function that makes the calls.

The trail records S3 data events of all regions and no management events, with log-file validation. The log bucket itself is
excluded: otherwise each file that CloudTrail writes would be another event. Sources: CloudTrail User Guide, "Amazon S3 bucket policy
for CloudTrail" and "Advanced event selectors".
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from windlass.clients.ports import AwsCaller
from windlass.core.errors import Conflict, NotFound, WindlassError

__all__ = [
    "Prices",
    "TrailCall",
    "TrailCost",
    "TrailState",
    "bucket_exists",
    "disable_actions",
    "enable_actions",
    "estimate",
    "make_calls",
    "prices",
    "requests_per_day",
    "state_of",
]

_METRIC_DAYS = 7


@dataclass(frozen=True, slots=True)
class TrailCall:
    """One call that changes something, as data: a dry run prints it, `make_calls` makes it."""

    service: str
    operation: str
    params: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices in US dollars, and the size of an event."""

    data_events_per_100k: float
    storage_per_gb_month: float
    athena_per_tb: float
    bytes_per_event: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailCost:
    """The trail's monthly cost, estimated from S3's request metrics; buckets without these are `unknown`."""

    requests_per_day: float
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    events_usd_month: float
    storage_gb_month: float
    storage_usd_month: float

    @property
    def total_usd_month(self) -> float:
        """The cost of one month's events and their storage."""
        return self.events_usd_month + self.storage_usd_month


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailState:
    """The current state of the trail."""

    name: str
    exists: bool
    logging: bool = False
    bucket: str = ""
    region: str = ""
    validated: bool = False
    selectors: tuple[Mapping[str, Any], ...] = ()
    latest_delivery_at: datetime | None = None
    latest_error: str = ""

    @property
    def location(self) -> str:
        """The location of its files, for `windlass clients scan`."""
        return f"s3://{self.bucket}/AWSLogs/" if self.bucket else ""


def prices() -> Prices:
    """Return the price table."""
    text = files("windlass.clients").joinpath("data", "prices.toml").read_text(encoding="utf-8")
    return Prices(**tomllib.loads(text))


def estimate(requests_per_day: Mapping[str, float | None], table: Prices) -> TrailCost:
    """Estimate the monthly cost. `requests_per_day` by bucket; None for a bucket without request metrics."""
    known = {name: number for name, number in requests_per_day.items() if number is not None}
    total = sum(known.values())
    gigabytes = total * 30 * table.bytes_per_event / 1e9
    return TrailCost(
        requests_per_day=total,
        known=tuple(sorted(known)),
        unknown=tuple(sorted(requests_per_day.keys() - known.keys())),
        events_usd_month=total * 30 / 100_000 * table.data_events_per_100k,
        storage_gb_month=gigabytes,
        storage_usd_month=gigabytes * table.storage_per_gb_month,
    )


def enable_actions(
    *,
    name: str,
    bucket: str,
    account_id: str,
    region: str,
    partition: str,
    buckets: Sequence[str],
    keep_days: int,
    new_bucket: bool,
) -> tuple[TrailCall, ...]:
    """Return the calls, in order, that create the trail, and the log bucket when it is new."""
    return (
        *(_bucket_actions(bucket, name, account_id, region, partition, keep_days) if new_bucket else ()),
        TrailCall(
            "cloudtrail",
            "CreateTrail",
            {
                "Name": name,
                "S3BucketName": bucket,
                "IsMultiRegionTrail": True,
                "IncludeGlobalServiceEvents": True,
                "EnableLogFileValidation": True,
            },
            "create a trail of all regions with signed files",
        ),
        TrailCall(
            "cloudtrail",
            "PutEventSelectors",
            {"TrailName": name, "AdvancedEventSelectors": _selectors(bucket, partition, buckets)},
            "record S3 object events only",
        ),
        TrailCall("cloudtrail", "StartLogging", {"Name": name}, "start recording"),
    )


def _bucket_actions(
    bucket: str, name: str, account_id: str, region: str, partition: str, keep_days: int
) -> tuple[TrailCall, ...]:
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    closed = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    source = f"arn:{partition}:cloudtrail:{region}:{account_id}:trail/{name}"
    rule = {
        "ID": "windlass-expire",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": keep_days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    return (
        TrailCall("s3", "CreateBucket", {"Bucket": bucket, **place}, "create the bucket of the trail's files"),
        TrailCall(
            "s3",
            "PutPublicAccessBlock",
            {"Bucket": bucket, "PublicAccessBlockConfiguration": closed},
            "block public access to the files",
        ),
        TrailCall(
            "s3",
            "PutBucketLifecycleConfiguration",
            {"Bucket": bucket, "LifecycleConfiguration": {"Rules": [rule]}},
            f"delete files after {keep_days} days",
        ),
        TrailCall(
            "s3",
            "PutBucketPolicy",
            {"Bucket": bucket, "Policy": json.dumps(_policy(bucket, account_id, partition, source))},
            "allow only this trail to write",
        ),
    )


def _policy(bucket: str, account_id: str, partition: str, source: str) -> dict[str, Any]:
    principal = {"Service": "cloudtrail.amazonaws.com"}
    of_trail = {"aws:SourceArn": source}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AWSCloudTrailAclCheck",
                "Effect": "Allow",
                "Principal": principal,
                "Action": "s3:GetBucketAcl",
                "Resource": f"arn:{partition}:s3:::{bucket}",
                "Condition": {"StringEquals": of_trail},
            },
            {
                "Sid": "AWSCloudTrailWrite",
                "Effect": "Allow",
                "Principal": principal,
                "Action": "s3:PutObject",
                "Resource": f"arn:{partition}:s3:::{bucket}/AWSLogs/{account_id}/*",
                "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"} | of_trail},
            },
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:{partition}:s3:::{bucket}", f"arn:{partition}:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def _selectors(log_bucket: str, partition: str, buckets: Sequence[str]) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ]
    if buckets:
        fields.append({"Field": "resources.ARN", "StartsWith": [f"arn:{partition}:s3:::{name}/" for name in buckets]})
    else:
        fields.append({"Field": "resources.ARN", "NotStartsWith": [f"arn:{partition}:s3:::{log_bucket}/"]})
    return [{"Name": "S3 data events", "FieldSelectors": fields}]


def disable_actions(state: TrailState) -> tuple[TrailCall, ...]:
    """Return the calls that delete the trail. Its files stay, so that they can be scanned. NotFound without a trail."""
    if not state.exists:
        raise NotFound(f"there is no trail {state.name}", hint="`windlass clients trail enable` creates it.")
    return (
        TrailCall("cloudtrail", "StopLogging", {"Name": state.name}, "stop recording, and the cost per event"),
        TrailCall("cloudtrail", "DeleteTrail", {"Name": state.name}, "delete the trail; its files stay in the bucket"),
    )


def make_calls(caller: AwsCaller, account_id: str, region: str, actions: Sequence[TrailCall]) -> None:
    """Make the calls in order. The error of a failed call names the calls that were made before it."""
    for number, action in enumerate(actions):
        try:
            caller.call(account_id, region, action.service, action.operation, **action.params)
        except WindlassError as error:
            done = ", ".join(action.operation for action in actions[:number]) or "nothing"
            raise type(error)(
                f"{error.message} (calls made before: {done})", hint=error.hint, code=error.code
            ) from None


def state_of(caller: AwsCaller, account_id: str, region: str, name: str) -> TrailState:
    """Read the state of the trail from AWS."""
    listed = caller.call(account_id, region, "cloudtrail", "DescribeTrails", trailNameList=[name])["trailList"]
    matching = [trail for trail in listed if trail.get("Name") == name]
    if not matching:
        return TrailState(name=name, exists=False)
    trail = matching[0]
    status = caller.call(account_id, region, "cloudtrail", "GetTrailStatus", Name=name)
    chosen = caller.call(account_id, region, "cloudtrail", "GetEventSelectors", TrailName=name)
    return TrailState(
        name=name,
        exists=True,
        logging=bool(status.get("IsLogging")),
        bucket=trail.get("S3BucketName", ""),
        region=trail.get("HomeRegion", region),
        validated=bool(trail.get("LogFileValidationEnabled")),
        selectors=tuple(chosen.get("AdvancedEventSelectors") or chosen.get("EventSelectors") or ()),
        latest_delivery_at=status.get("LatestDeliveryTime"),
        latest_error=status.get("LatestDeliveryError", ""),
    )


def bucket_exists(caller: AwsCaller, account_id: str, region: str, bucket: str) -> bool:
    """True when the bucket exists in this account. Conflict when another account owns it."""
    try:
        caller.call(account_id, region, "s3", "HeadBucket", Bucket=bucket)
    except NotFound:
        return False
    except WindlassError as error:
        raise Conflict(
            f"{bucket} cannot be used: {error.message}", hint="Choose another bucket with --bucket."
        ) from None
    return True


def requests_per_day(
    caller: AwsCaller, account_id: str, region: str, buckets: Sequence[str], *, now: datetime
) -> dict[str, float | None]:
    """Return requests per day by bucket, from S3's request metrics of the last week; None for a bucket without metrics."""
    return {bucket: _requests_of(caller, account_id, region, bucket, now) for bucket in buckets}


def _requests_of(caller: AwsCaller, account_id: str, region: str, bucket: str, now: datetime) -> float | None:
    try:
        response = caller.call(account_id, region, "s3", "GetBucketLocation", Bucket=bucket)
        place = {"": "us-east-1", "EU": "eu-west-1"}.get(response.get("LocationConstraint") or "", "")
        place = place or response["LocationConstraint"]
        # The configuration without a filter counts all requests; AWS's console calls it EntireBucket.
        listed = caller.call(account_id, place, "s3", "ListBucketMetricsConfigurations", Bucket=bucket)
        unfiltered = [
            configuration["Id"]
            for configuration in listed.get("MetricsConfigurationList", ())
            if "Filter" not in configuration
        ]
        if not unfiltered:
            return None
        points = caller.call(
            account_id,
            place,
            "cloudwatch",
            "GetMetricStatistics",
            Namespace="AWS/S3",
            MetricName="AllRequests",
            Statistics=["Sum"],
            Period=86400,
            Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": unfiltered[0]}],
            StartTime=now - timedelta(days=_METRIC_DAYS),
            EndTime=now,
        )["Datapoints"]
    except WindlassError:  # the estimate reports the bucket as unknown
        return None
    return sum(float(point["Sum"]) for point in points) / _METRIC_DAYS if points else None
