"""GET of every bucket subresource, and PUT and DELETE of those that moto does not have.

An inventory reads some two dozen of them per bucket, most of them absent: they are answered from moto's state at once.
Defaults are S3's of today: AES256 encryption (January 2023), all public access blocked and ACLs off (April 2023).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from moto.s3.models import s3_backends

from windlass_local.request import Response
from windlass_local.s3 import policy
from windlass_local.s3.acls import acl_refused, read_bucket_acl
from windlass_local.s3.address import S3Request
from windlass_local.s3.buckets import bucket_location
from windlass_local.s3.documents import (
    IDENTIFIED,
    MINIMUM_SIZE,
    MINIMUM_SIZE_DEFAULT,
    all_of,
    documents_of,
    forget,
    keep,
)
from windlass_local.s3.responses import document, element, empty, escape, raw_xml, refuse, request_ids
from windlass_local.xml import parse_xml

_MESSAGES: Mapping[str, tuple[str, str]] = {
    "cors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "lifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "metadataConfiguration": ("MetadataConfigurationNotFound", "The metadata configuration does not exist"),
    "metadataTable": ("MetadataConfigurationNotFound", "The metadata configuration does not exist"),
    "object-lock": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
    "ownershipControls": ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
    "policy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "policyStatus": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "publicAccessBlock": (
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
    "replication": ("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    "tagging": ("NoSuchTagSet", "The TagSet does not exist"),
    "website": ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
}


def _absent(call: S3Request) -> Response:
    code, message = _MESSAGES[call.subresource]
    return refuse(404, code, message, details={"BucketName": call.bucket})


def _versioning(_call: S3Request, bucket: Any) -> Response:
    return document("VersioningConfiguration", element("Status", bucket.versioning_status))


def _accelerate(_call: S3Request, bucket: Any) -> Response:
    return document("AccelerateConfiguration", element("Status", bucket.accelerate_configuration))


def _request_payment(_call: S3Request, bucket: Any) -> Response:
    return document("RequestPaymentConfiguration", element("Payer", bucket.payer))


def _tagging(call: S3Request, bucket: Any) -> Response:
    tags = s3_backends[bucket.account_id][bucket.partition].tagger.tags.get(bucket.arn)
    if not tags:
        return _absent(call)
    written = (f"<Tag>{element('Key', name)}{element('Value', value or '')}</Tag>" for name, value in tags.items())
    return document("Tagging", f"<TagSet>{''.join(written)}</TagSet>")


def _policy(call: S3Request, bucket: Any) -> Response:
    if not bucket.policy:
        return _absent(call)
    return Response(status=200, headers=(*request_ids(), ("content-type", "application/json")), body=bucket.policy)


def _policy_status(call: S3Request, bucket: Any) -> Response:
    if not bucket.policy:
        return _absent(call)
    return document("PolicyStatus", element("IsPublic", str(policy.is_public(bucket.policy)).lower()))


def _public_access_block(call: S3Request, bucket: Any) -> Response:
    blocked = bucket.public_access_block
    if blocked is None:
        return _absent(call)
    settings = {
        "BlockPublicAcls": blocked.block_public_acls,
        "IgnorePublicAcls": blocked.ignore_public_acls,
        "BlockPublicPolicy": blocked.block_public_policy,
        "RestrictPublicBuckets": blocked.restrict_public_buckets,
    }
    inner = "".join(element(name, str(bool(value)).lower()) for name, value in settings.items())
    return document("PublicAccessBlockConfiguration", inner)


def _ownership(call: S3Request, bucket: Any) -> Response:
    if not bucket.ownership_rule:
        return _absent(call)
    return document("OwnershipControls", f"<Rule>{element('ObjectOwnership', bucket.ownership_rule)}</Rule>")


def _object_lock(call: S3Request, bucket: Any) -> Response:
    if not bucket.object_lock_enabled:
        return _absent(call)
    inner = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    if bucket.default_lock_mode:
        period = element("Days", bucket.default_lock_days or None) + element("Years", bucket.default_lock_years or None)
        mode = element("Mode", bucket.default_lock_mode)
        inner += f"<Rule><DefaultRetention>{mode}{period}</DefaultRetention></Rule>"
    return document("ObjectLockConfiguration", inner)


def _notification(_call: S3Request, bucket: Any) -> Response:
    configuration = bucket.notification_configuration
    if configuration is None:
        return document("NotificationConfiguration", "")
    inner = "".join(_notified(target, "TopicConfiguration", "Topic") for target in configuration.topic)
    inner += "".join(_notified(target, "QueueConfiguration", "Queue") for target in configuration.queue)
    inner += "".join(
        _notified(target, "CloudFunctionConfiguration", "CloudFunction") for target in configuration.cloud_function
    )
    if configuration.event_bridge is not None:
        inner += "<EventBridgeConfiguration></EventBridgeConfiguration>"
    return document("NotificationConfiguration", inner)


def _notified(each: Any, wrapper: str, target: str) -> str:
    events = "".join(element("Event", event) for event in each.events)
    rules = (each.filters.get("S3Key") or {}).get("FilterRule") or [] if each.filters else []
    written = "".join(
        f"<FilterRule>{element('Name', rule['Name'].title())}{element('Value', rule['Value'] or '')}</FilterRule>"
        for rule in rules
    )
    chosen = f"<Filter><S3Key>{written}</S3Key></Filter>" if written else ""
    return f"<{wrapper}>{element('Id', each.id)}{element(target, each.arn)}{events}{chosen}</{wrapper}>"


def _stored_document(
    present: Callable[[Any], Any], default: str | None = None
) -> Callable[[S3Request, Any], Response | None]:
    """Answer with the document as it was put; with `default`, or the absent error, when moto has none."""

    def answer(call: S3Request, bucket: Any) -> Response | None:
        if not present(bucket):
            if default is None:
                return _absent(call)
            return raw_xml(default.encode())
        stored = documents_of(bucket).get(call.subresource)
        return None if stored is None else raw_xml(stored)  # set without the API (by CloudFormation): moto writes it

    return answer


def _lifecycle(call: S3Request, bucket: Any) -> Response | None:
    result = _stored_document(lambda bucket: bucket.rules)(call, bucket)
    if result is None or result.status != 200:
        return result
    size = documents_of(bucket).get(MINIMUM_SIZE, MINIMUM_SIZE_DEFAULT.encode()).decode()
    return raw_xml(result.body, headers={MINIMUM_SIZE: size})


def _website(call: S3Request, bucket: Any) -> Response:
    return raw_xml(bucket.website_configuration) if bucket.website_configuration else _absent(call)


_AES256 = (
    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
    "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>"
    "</ServerSideEncryptionConfiguration>"
)


def _identified(call: S3Request, bucket: Any) -> Response:
    requested = call.query.get("id")
    if requested is None:
        listed = b"".join(all_of(bucket, call.subresource)).decode()
        return document(f"List{IDENTIFIED[call.subresource]}sResult", f"<IsTruncated>false</IsTruncated>{listed}")
    stored = documents_of(bucket).get(f"{call.subresource}:{requested}")
    if stored is None:
        return refuse(404, "NoSuchConfiguration", "The specified configuration does not exist.")
    return raw_xml(stored)


_READERS: Mapping[str, Callable[[S3Request, Any], Response | None]] = {
    "accelerate": _accelerate,
    "acl": read_bucket_acl,
    "cors": _stored_document(lambda bucket: bucket.cors),
    "encryption": _stored_document(lambda bucket: bucket.encryption, _AES256),
    "lifecycle": _lifecycle,
    "location": lambda _call, bucket: bucket_location(bucket),
    "logging": _stored_document(lambda bucket: bucket.logging, "<BucketLoggingStatus/>"),
    "metadataConfiguration": lambda call, _bucket: _absent(call),
    "metadataTable": lambda call, _bucket: _absent(call),
    "notification": _notification,
    "object-lock": _object_lock,
    "ownershipControls": _ownership,
    "policy": _policy,
    "policyStatus": _policy_status,
    "publicAccessBlock": _public_access_block,
    "replication": _stored_document(lambda bucket: getattr(bucket, "replication", None)),
    "requestPayment": _request_payment,
    "tagging": _tagging,
    "versioning": _versioning,
    "website": _website,
    **dict.fromkeys(IDENTIFIED, _identified),
}


def read_configuration(call: S3Request, bucket: Any) -> Response | None:
    """Answer GET of a subresource; None leaves it to moto."""
    reader = _READERS.get(call.subresource)
    return None if reader is None else reader(call, bucket)


def write_configuration(call: S3Request, bucket: Any) -> Response | None:
    """Answer the PUTs that moto does not have, and refuse those that S3 refuses; None leaves the call to moto."""
    if call.subresource == "policy":
        return _policy_refused(call, bucket)
    if call.subresource == "acl":
        return acl_refused(call, bucket)
    if call.subresource not in IDENTIFIED and call.subresource != "requestPayment":
        return None
    try:
        if call.subresource == "requestPayment":
            payer = parse_xml(call.request.body).findtext("{*}Payer")
            bucket.payer = payer or "BucketOwner"
        else:
            keep(bucket, call.subresource, call.request.body)
    except ET.ParseError:
        return refuse(400, "MalformedXML", "The XML you provided was not well-formed")
    return empty(200)


def delete_configuration(call: S3Request, bucket: Any) -> Response | None:
    """Answer the DELETEs that moto does not have; None leaves the call to moto."""
    if call.subresource not in IDENTIFIED:
        return None
    if not forget(bucket, f"{call.subresource}:{call.query.get('id', '')}"):
        return refuse(404, "NoSuchConfiguration", "The specified configuration does not exist.")
    return empty(204)


def _policy_refused(call: S3Request, bucket: Any) -> Response | None:
    try:
        statements = json.loads(call.request.body)["Statement"]
    except (ValueError, KeyError, TypeError):
        return refuse(400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement.get("Effect") not in ("Allow", "Deny") or not {"Principal", "NotPrincipal"} & statement.keys():
            return refuse(400, "MalformedPolicy", "Missing required field Principal or Effect")
    blocked = bucket.public_access_block
    if blocked and blocked.block_public_policy and policy.is_public(call.request.body):
        message = (
            f"User is not authorized to perform: s3:PutBucketPolicy on resource: {escape(bucket.arn)} because public "
            "policies are blocked by the BlockPublicPolicy block public access setting."
        )
        return refuse(403, "AccessDenied", message)
    return None
