"""ListBuckets, HeadBucket, GetBucketLocation, and CreateBucket in the legacy region EU, which moto gets wrong."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from moto.s3.exceptions import BucketAlreadyExists, InvalidBucketName
from moto.s3.models import s3_backends

from windlass_local.request import Response
from windlass_local.s3.access import find_bucket
from windlass_local.s3.address import S3Request
from windlass_local.s3.caller import caller_of, canonical_id
from windlass_local.s3.responses import document, element, empty, escape, refuse

LEGACY_EU = "EU"
_MOST_BUCKETS = 10_000


def list_buckets(call: S3Request) -> Response:
    """Answer ListBuckets: all regions, for any signing region; BucketRegion only when the request has a parameter."""
    caller = caller_of(call)
    if not caller.account_id:
        return refuse(403, "AccessDenied", "Access Denied")
    query = {name: value for name, value in call.query.items() if name != "x-id"}
    limit, after = query.get("max-buckets", str(_MOST_BUCKETS)), _name_in(query.get("continuation-token", ""))
    if not limit.isdigit() or not 1 <= int(limit) <= _MOST_BUCKETS or after is None:
        wrong = "continuation-token" if after is None else "max-buckets"
        details = {"ArgumentName": wrong, "ArgumentValue": query.get(wrong, "")}
        return refuse(400, "InvalidArgument", f"The {wrong} provided is not valid", details=details)
    prefix, region = query.get("prefix", ""), query.get("bucket-region", "")
    owned = s3_backends[caller.account_id]["aws"].buckets
    result = sorted(
        name
        for name, bucket in list(owned.items())
        if name > after and name.startswith(prefix) and region in ("", bucket.region_name)
    )
    page = result[: int(limit)]
    inner = (
        f"<Owner><ID>{canonical_id(caller.account_id)}</ID></Owner><Buckets>"
        + "".join(_bucket(owned[name], with_region=bool(query)) for name in page if name in owned)
        + "</Buckets>"
        + (f"<ContinuationToken>{_token(page[-1])}</ContinuationToken>" if len(result) > len(page) else "")
        + element("Prefix", query.get("prefix"))
    )
    return document("ListAllMyBucketsResult", inner)


def _bucket(bucket: Any, *, with_region: bool) -> str:
    region = (
        f"<BucketRegion>{bucket.region_name}</BucketRegion><BucketArn>{bucket.arn}</BucketArn>" if with_region else ""
    )
    created = bucket.creation_date.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return f"<Bucket><Name>{escape(bucket.name)}</Name><CreationDate>{created}</CreationDate>{region}</Bucket>"


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _name_in(token: str) -> str | None:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def head_bucket(bucket: Any) -> Response:
    """Answer HeadBucket: exists, accessible, and its region."""
    headers = {
        "x-amz-bucket-region": bucket.region_name,
        "x-amz-bucket-arn": bucket.arn,
        "x-amz-access-point-alias": "false",
    }
    return empty(200, headers | {"content-type": "application/xml"})


def bucket_location(bucket: Any) -> Response:
    """Answer GetBucketLocation: empty for us-east-1, EU for old buckets of eu-west-1."""
    location = getattr(bucket, "location_constraint", None) or bucket.region_name
    return document("LocationConstraint", "" if location == "us-east-1" else escape(location))


_CONSTRAINT = re.compile(rb"<LocationConstraint>\s*([^<\s]+)\s*</LocationConstraint>")


def create_bucket(call: S3Request) -> Response | None:
    """Answer CreateBucket with LocationConstraint EU; None leaves all others to moto."""
    match = _CONSTRAINT.search(call.request.body)
    if match is None or match[1].decode() != LEGACY_EU:
        return None
    caller = caller_of(call)
    if call.request.region not in ("us-east-1", "eu-west-1"):
        message = (
            "The EU location constraint is incompatible for the region specific endpoint this request was sent to."
        )
        return refuse(400, "IllegalLocationConstraintException", message)
    try:
        bucket = s3_backends[caller.account_id]["aws"].create_bucket(call.bucket, "eu-west-1")
    except BucketAlreadyExists:
        existing = find_bucket(call.bucket)
        if existing is not None and existing.account_id == caller.account_id:
            message = "Your previous request to create the named bucket succeeded and you already own it."
            return refuse(409, "BucketAlreadyOwnedByYou", message, details={"BucketName": call.bucket})
        return refuse(409, "BucketAlreadyExists", "The requested bucket name is not available.")
    except InvalidBucketName:
        return refuse(400, "InvalidBucketName", "The specified bucket is not valid.")
    bucket.location_constraint = LEGACY_EU
    return empty(200, {"location": f"/{call.bucket}"})
