"""Facts about buckets of services other than the estate's AWS, for plans and preflight. Reads only."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlsplit

from windlass.core.errors import AccessDenied, AwsError, NotFound, WindlassError
from windlass.core.paging import LoopGuard
from windlass.estate.services import Services
from windlass.replication.model import BucketRef
from windlass.replication.own_keys import OWN_PREFIX
from windlass.replication.planning.facts import BucketFacts
from windlass.wire import s3
from windlass.wire.blocking_client import BlockingClient
from windlass.wire.model import Call

__all__ = ["bucket_names", "place_facts"]

T = TypeVar("T")
_DRY = f"{OWN_PREFIX}dry-call"
_UNKNOWN_KEYS = ("SignatureDoesNotMatch", "InvalidAccessKeyId", "AuthFailure", "InvalidSecurity")
_LOST = ("EndpointUnreachable", "ConnectionLost", "ReadTimeout", "BrokenResponse")


def place_facts(services: Services, place: BucketRef) -> BucketFacts:
    """Read whether a bucket exists and may be listed, read and written, by calls that change nothing.

    ConfigError, AccessDenied or AwsError when the service cannot be reached with its configured keys.
    """
    refused: dict[str, str] = {}
    with BlockingClient(services.access(place.service), connections=2) as client:
        try:
            page = _ask(services, place, client, s3.list_objects(place.bucket, count=1))
        except NotFound:
            return BucketFacts(bucket=place.bucket, service=place.service, exists=False)
        except AccessDenied as error:
            if error.code in _UNKNOWN_KEYS:
                raise
            refused["ListObjectsV2"] = error.code
            page = None
        key = page.objects[0].key if page and page.objects else _DRY
        dry = s3.upload_part(place.bucket, _DRY, upload_id=_DRY, number=1, body=b"")
        refused["GetObject"] = _refusal(services, place, client, s3.head(place.bucket, key))
        refused["PutObject"] = _refusal(services, place, client, dry)
    return BucketFacts(
        bucket=place.bucket,
        service=place.service,
        refused={name: code for name, code in refused.items() if code},
        ownership="",
    )


def _refusal(services: Services, place: BucketRef, client: BlockingClient, call: Call[T]) -> str:
    """Return the code of a refused call; empty when the call was allowed, even if the object or upload does not exist."""
    try:
        _ask(services, place, client, call)
    except AccessDenied as error:
        return error.code
    except WindlassError:
        return ""
    return ""


def bucket_names(services: Services, name: str) -> list[str]:
    """Return the names of a service's buckets."""
    buckets: list[str] = []
    with BlockingClient(services.access(name), connections=2) as client:
        token, guard = "", LoopGuard(f"the listing of {name}'s buckets")
        while True:
            names, token = _ask(services, BucketRef(bucket="", service=name), client, s3.list_buckets(token=token))
            buckets += names
            if not token:
                return buckets
            guard.advance(token)


def _ask(services: Services, place: BucketRef, client: BlockingClient, call: Call[T]) -> T:
    """Send a call. Errors name the service and the setting to check."""
    try:
        return client.send(call)
    except (AccessDenied, AwsError) as error:
        config = services.find(place.service)
        where = f"{place.service} ({urlsplit(config.endpoint_url).netloc})"
        if error.code in _UNKNOWN_KEYS:
            raise AccessDenied(
                f"{where} does not accept these keys: {error.message}",
                hint=f"Check {config.keys_from}.",
                code=error.code,
            ) from None
        if error.code in _LOST:
            raise AwsError(
                f"{where} cannot be reached: {error.message}",
                hint=f"Check endpoint_url and ca_bundle of [[service]] {place.service}, and the network.",
                code=error.code,
            ) from None
        raise
