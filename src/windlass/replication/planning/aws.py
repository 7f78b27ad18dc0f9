"""Reads of buckets, keys, roles and metrics from AWS. Writes go through effects.py."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from windlass.core.errors import AccessDenied, NotFound, WindlassError
from windlass.core.pool import map_bounded
from windlass.estate.service import Estate
from windlass.replication.customer_keys import OTHER_ENCRYPTION
from windlass.replication.model import BucketRef, Pair, Volume
from windlass.replication.own_keys import OWN_PREFIX
from windlass.replication.planning.facts import BucketFacts, KeyFacts, PairFacts, RoleFacts

__all__ = ["bucket_facts", "known_buckets", "metrics", "pair_facts", "role_facts"]

_HOME_REGION = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
_FROZEN_TYPES = ("GlacierStorage", "DeepArchiveStorage")
_SIZE_TYPES = (
    "StandardStorage",
    "IntelligentTieringFAStorage",
    "IntelligentTieringIAStorage",
    "IntelligentTieringAIAStorage",
    "StandardIAStorage",
    "OneZoneIAStorage",
    "GlacierInstantRetrievalStorage",
    *_FROZEN_TYPES,
)
_AT_ONCE = 8
_DRY = f"{OWN_PREFIX}dry-call"


def known_buckets(estate: Estate) -> dict[str, tuple[str, str]]:
    """Return (account, region) of every bucket of the estate's accounts, by name. Accounts that refuse the listing are
    left out.
    """
    buckets: dict[str, tuple[str, str]] = {}
    for outcome in map_bounded(
        lambda account_id: _listed(estate, account_id), [account.id for account in estate.accounts()], limit=_AT_ONCE
    ):
        buckets |= outcome.result or {}
    return buckets


def _listed(estate: Estate, account_id: str) -> dict[str, tuple[str, str]]:
    home = estate.s3_home_region
    buckets = {}
    for page in estate.pages(account_id, home, "s3", "ListBuckets", MaxBuckets=1000):
        for bucket in page.get("Buckets", []):
            buckets[str(bucket["Name"])] = (account_id, str(bucket.get("BucketRegion") or ""))
    return buckets


def pair_facts(
    estate: Estate, pair: Pair, *, replication_role: str = "", batch_role: str = "", payer: bool = False
) -> PairFacts:
    """Read everything that preflight needs about a pair. The roles are the configured ones, or that of a live rule.
    `payer`: Windlass agrees to pay for requests.
    """
    reader = pair.source.account_id or pair.destination.account_id or estate.accounts()[0].id
    source = bucket_facts(estate, pair.source, reader, payer=payer)
    target = bucket_facts(estate, pair.destination, reader, payer=payer)
    ruled = source.rule_for(target.place()) if source.exists and target.exists else None
    rule_role = replication_role or (source.replication_role if ruled is not None else "")
    return PairFacts(
        pair=pair,
        source=source,
        destination=target,
        replication_role=role_facts(estate, reader, rule_role) if rule_role else None,
        batch_role=role_facts(estate, reader, batch_role) if batch_role else None,
        source_refused=_across(estate, source.place(), target.place(), payer=payer)
        if source.exists and target.exists
        else {},
    )


def _across(estate: Estate, source: BucketRef, target: BucketRef, *, payer: bool) -> dict[str, str]:
    """Make the calls on the source that a direct copy needs, as the destination's account. Return the refused ones with
    their codes.
    """
    if not (source.account_id and target.account_id and source.account_id != target.account_id):
        return {}
    key = _BucketReader(estate, source.account_id, source.region, source).first_key()
    return _BucketReader(estate, target.account_id, source.region, source, payer=payer).unreadable(key) if key else {}


def bucket_facts(estate: Estate, place: BucketRef, reader: str = "", *, payer: bool = False) -> BucketFacts:
    """Read the facts about one bucket. A fact that cannot be read, as is usual across accounts, keeps its default."""
    account_id = place.account_id or reader or estate.accounts()[0].id
    region = _region(estate, account_id, place)
    if not region:
        return BucketFacts(bucket=place.bucket, exists=False)
    ask = _BucketReader(estate, account_id, region, place, payer=payer)
    rules, role = ask.replication()
    encryption = ask.get("GetBucketEncryption", "ServerSideEncryptionConfiguration", {}).get("Rules") or [{}]
    blocked = (encryption[0].get("BlockedEncryptionTypes") or {}).get("EncryptionType") or ()
    refused = ask.refused()
    lifecycle = ask.get("GetBucketLifecycleConfiguration", "Rules", [])
    policy = ask.get("GetBucketPolicy", "Policy", "")
    # Buckets created before April 2023 have ACLs on unless this is set.
    unsaid = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    ownership = ask.get("GetBucketOwnershipControls", "OwnershipControls", unsaid, unread={}).get("Rules") or []
    return BucketFacts(
        bucket=place.bucket,
        account_id=place.account_id,
        region=region,
        versioning=ask.get("GetBucketVersioning", "Status", "", unread="Enabled"),
        key=_key(estate, account_id, region, encryption[0]),
        bucket_key=bool(encryption[0].get("BucketKeyEnabled")),
        locked=ask.get("GetObjectLockConfiguration", "ObjectLockConfiguration", {}).get("ObjectLockEnabled")
        == "Enabled",
        ownership=ownership[0]["ObjectOwnership"] if ownership else "BucketOwnerEnforced",
        policy=json.loads(policy) if policy else None,
        expires=any(rule.get("Status") == "Enabled" and _expires(rule) for rule in lifecycle),
        requester_pays=ask.get("GetBucketRequestPayment", "Payer", "") == "Requester",
        replication_role=role,
        rules=rules,
        refused=refused,
        customer_keyed=ask.customer_keyed,
        blocks_customer_keys="SSE-C" in blocked,
    )


class _BucketReader:
    """Reads of one bucket. A fact that is not configured, or that cannot be read, has a default."""

    def __init__(self, estate: Estate, account_id: str, region: str, place: BucketRef, *, payer: bool = False) -> None:
        self._agreed = {"RequestPayer": "requester"} if payer else {}
        self.customer_keyed = False
        self._where = (estate, account_id, region)
        self._params = {"Bucket": place.bucket} | (
            {"ExpectedBucketOwner": place.account_id} if place.account_id else {}
        )

    def _call(self, operation: str, **more: Any) -> dict[str, Any]:
        estate, account_id, region = self._where
        return estate.call(account_id, region, "s3", operation, **self._params, **more)

    def get(self, operation: str, member: str, default: Any, *, unread: Any = None) -> Any:
        try:
            return self._call(operation).get(member, default)
        except AccessDenied:
            return default if unread is None else unread
        except NotFound:
            return default
        except WindlassError as error:
            if error.code in ("MethodNotAllowed", "NotImplemented") or "NotFound" in error.code:
                return default
            raise

    def replication(self) -> tuple[tuple[Mapping[str, Any], ...], str]:
        configuration = self.get("GetBucketReplication", "ReplicationConfiguration", {})
        return tuple(configuration.get("Rules", ())), str(configuration.get("Role", ""))

    def refused(self) -> dict[str, str]:
        """Return the refused calls, of three that change nothing: list one key, read it, and add a part to an upload
        that does not exist.
        """
        refusals: dict[str, str] = {}
        key = _DRY
        try:
            key = self._listed_key() or _DRY
        except AccessDenied as error:
            refusals["ListObjectsV2"] = error.code
        self._dry(refusals, "GetObject", "HeadObject", Key=key)
        # S3 checks s3:PutObject before it looks for the upload: NoSuchUpload means that the put is allowed.
        self._dry(refusals, "PutObject", "UploadPart", Key=_DRY, UploadId=_DRY, PartNumber=1, Body=b"")
        return refusals

    def first_key(self) -> str:
        """Return a key of the bucket; empty when there is none, or when the listing is refused."""
        try:
            return self._listed_key()
        except AccessDenied:
            return ""

    def unreadable(self, key: str) -> dict[str, str]:
        """Return the refused ones of the two reads that a copy with tags needs."""
        refusals: dict[str, str] = {}
        self._dry(refusals, "GetObject", "HeadObject", Key=key)
        self._dry(refusals, "GetObjectTagging", "GetObjectTagging", Key=key)
        return refusals

    def _listed_key(self) -> str:
        listed = self._call("ListObjectsV2", MaxKeys=1, **self._agreed).get("Contents") or [{}]
        return str(listed[0].get("Key", ""))

    def _dry(self, refusals: dict[str, str], needs: str, operation: str, **params: Any) -> None:
        try:
            self._call(operation, **params, **self._agreed)
        except AccessDenied as error:
            refusals[needs] = error.code
        except WindlassError as error:  # the object does not exist or is archived: access is allowed
            if operation == "HeadObject" and error.code in OTHER_ENCRYPTION:
                self.customer_keyed = True


def _region(estate: Estate, account_id: str, place: BucketRef) -> str:
    """Return the bucket's current region; empty when it does not exist. HeadBucket returns it from any region."""
    home = place.region or _HOME_REGION.get(estate.partition(account_id), estate.config.home_region)
    try:
        response = estate.call(account_id, home, "s3", "HeadBucket", Bucket=place.bucket)
    except NotFound:
        return ""
    except AccessDenied as error:
        raise AccessDenied(
            f"Windlass may not read bucket {place.bucket} ({error.code})",
            hint="It belongs to another account, or a policy denies it. `windlass whoami` shows which identity is used.",
            code=error.code,
        ) from None
    return str(response.get("BucketRegion") or place.region or home)


def _expires(rule: Mapping[str, Any]) -> bool:
    return "Expiration" in rule or "NoncurrentVersionExpiration" in rule


def _key(estate: Estate, account_id: str, region: str, rule: Mapping[str, Any]) -> KeyFacts | None:
    """Return the customer's KMS key that encrypts new objects; None for S3's own keys and AWS's aws/s3."""
    chosen = rule.get("ApplyServerSideEncryptionByDefault") or {}
    named = chosen.get("KMSMasterKeyID", "")
    if not named or not str(chosen.get("SSEAlgorithm", "")).startswith("aws:kms"):
        return None
    try:
        metadata = estate.call(account_id, region, "kms", "DescribeKey", KeyId=named)["KeyMetadata"]
    except NotFound:
        return KeyFacts(named, "Missing")
    except WindlassError:
        return KeyFacts(named)
    return KeyFacts(
        metadata["Arn"], metadata.get("KeyState", ""), _key_policy(estate, account_id, region, metadata["Arn"])
    )


def _key_policy(estate: Estate, account_id: str, region: str, arn: str) -> Mapping[str, Any] | None:
    """Return a key's policy; None when it cannot be read, as across accounts."""
    try:
        response = estate.call(account_id, region, "kms", "GetKeyPolicy", KeyId=arn, PolicyName="default")
        return _document(response.get("Policy") or "{}")
    except (WindlassError, ValueError):
        return None


def role_facts(estate: Estate, account_id: str, arn: str) -> RoleFacts:
    """Read a role with its trust policy and every policy, inline and attached."""
    name = arn.rpartition("/")[2]
    owner = arn.split(":")[4] if arn.count(":") >= 5 else account_id
    if owner and owner != account_id and owner not in {account.id for account in estate.accounts()}:
        return RoleFacts(arn=arn, readable=False)

    def call(operation: str, **params: Any) -> dict[str, Any]:
        return estate.call(owner or account_id, estate.config.home_region, "iam", operation, **params)

    try:
        trust = call("GetRole", RoleName=name)["Role"].get("AssumeRolePolicyDocument") or {}
        inline = call("ListRolePolicies", RoleName=name)["PolicyNames"]
        policies = [call("GetRolePolicy", RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline]
        for attached_policy in call("ListAttachedRolePolicies", RoleName=name)["AttachedPolicies"]:
            version = call("GetPolicy", PolicyArn=attached_policy["PolicyArn"])["Policy"]["DefaultVersionId"]
            got = call("GetPolicyVersion", PolicyArn=attached_policy["PolicyArn"], VersionId=version)
            policies.append(got["PolicyVersion"]["Document"])
    except NotFound:
        return RoleFacts(arn=arn, found=False)
    except AccessDenied:
        return RoleFacts(arn=arn, readable=False)
    return RoleFacts(arn=arn, trust=_document(trust), policies=tuple(_document(policy) for policy in policies))


def _document(value: Any) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(unquote(value)) if isinstance(value, str) else value
    return document


def metrics(estate: Estate, places: Iterable[BucketRef], *, now: datetime) -> dict[str, Volume]:
    """Return the volumes of buckets from CloudWatch's daily storage metrics. Buckets without metrics are left out."""
    volumes: dict[str, Volume] = {}
    by_place: dict[tuple[str, str], list[str]] = {}
    for place in places:
        if place.account_id and place.region:
            by_place.setdefault((place.account_id, place.region), []).append(place.bucket)
    for (account_id, region), names in by_place.items():
        try:
            volumes |= _measured(estate, account_id, region, names, now)
        except WindlassError:  # without the permission, the buckets are listed instead
            continue
    return volumes


def _measured(estate: Estate, account_id: str, region: str, names: list[str], now: datetime) -> dict[str, Volume]:
    series = [(name, kind) for name in names for kind in ("AllStorageTypes", *_SIZE_TYPES)]
    values: dict[str, dict[str, int]] = {}
    for at in range(0, len(series), 500):  # the maximum of GetMetricData
        batch = series[at : at + 500]
        queries = [_query(number, *metric) for number, metric in enumerate(batch)]
        pages = estate.pages(
            account_id,
            region,
            "cloudwatch",
            "GetMetricData",
            MetricDataQueries=queries,
            ScanBy="TimestampDescending",
            StartTime=now - timedelta(days=3),
            EndTime=now,
        )
        for page in pages:
            for metric_data_result in page.get("MetricDataResults", ()):
                if metric_data_result.get("Values"):
                    name, kind = batch[int(metric_data_result["Id"][1:])]
                    values.setdefault(name, {})[kind] = int(metric_data_result["Values"][0])
    return {
        name: Volume(
            objects=held["AllStorageTypes"], size_bytes=sum(held.get(kind, 0) for kind in _SIZE_TYPES), source="metrics"
        )
        for name, held in values.items()
        if "AllStorageTypes" in held
    }


def _query(number: int, name: str, kind: str) -> dict[str, Any]:
    metric = "NumberOfObjects" if kind == "AllStorageTypes" else "BucketSizeBytes"
    dimensions = [{"Name": "BucketName", "Value": name}, {"Name": "StorageType", "Value": kind}]
    named = {"Namespace": "AWS/S3", "MetricName": metric, "Dimensions": dimensions}
    return {
        "Id": f"q{number}",
        "MetricStat": {"Metric": named, "Period": 86_400, "Stat": "Average"},
        "ReturnData": True,
    }
