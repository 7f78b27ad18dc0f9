# ruff: noqa: SLF001 - this module is where moto's private names are touched, all of them in PRIVATE_NAMES
"""What is changed inside moto's S3, each in a function that says why. moto is pinned; names are self-checked."""

from __future__ import annotations

import re
from functools import wraps
from typing import Any
from xml.etree import ElementTree as ET

import flask
from moto.iam.access_control import PermissionResult
from moto.s3 import exceptions, models, notifications, responses

from windlass_local.s3 import documents
from windlass_local.s3.delivery import Delivery, send_test_event
from windlass_local.s3.locks import HOLD, MODE, UNTIL
from windlass_local.s3.objects import DeleteMarker, IndexedKeyStore, ObjectVersion, now
from windlass_local.s3.versions import Notify, encrypt, forget_tags, put_version, remove

PRIVATE_NAMES: tuple[str, ...] = (
    "moto.s3.models.FakeBucket",
    "moto.s3.models.FakeBucket.get_permission",
    "moto.s3.models.FakeBucket.set_notification_configuration",
    "moto.s3.models.FakeDeleteMarker",
    "moto.s3.models.FakeKey",
    "moto.s3.models.FakeMultipart",
    "moto.s3.models.MultipartDict",
    "moto.s3.models.Notification._key_matches",
    "moto.s3.models.OWNER",
    "moto.s3.models.PublicAccessBlock",
    "moto.s3.models.S3Backend.complete_multipart_upload",
    "moto.s3.models.S3Backend.delete_bucket",
    "moto.s3.models.S3Backend.delete_object",
    "moto.s3.models.S3Backend.list_objects",
    "moto.s3.models.S3Backend.put_object",
    "moto.s3.models.S3Backend.put_object_tagging",
    "moto.s3.models.S3Backend.reset",
    "moto.s3.models._VersionedKeyStore",
    "moto.s3.models.s3_backends",
    "moto.s3.notifications.send_event",
    "moto.s3.notifications.send_test_event",
    "moto.s3.responses.FakeDeleteMarker",
    "moto.s3.responses.FakeKey",
    "moto.s3.responses.S3Response._bucket_response_delete",
    "moto.s3.responses.S3Response._bucket_response_put",
    "moto.s3.responses.S3Response.put_object_tagging",
    "moto.s3.utils._VersionedKeyStore",
    "moto.sqs.models.sqs_backends",
    "moto.sns.models.sns_backends",
    "moto.events.models.events_backends",
    "moto.iam.models.get_account_id_from",
)

_RULE_NAMES = re.compile(r"(?<=<Name>)(?:Prefix|Suffix)(?=</Name>)", re.IGNORECASE)


def apply(delivery: Delivery) -> None:
    """Patch moto's S3. To be called once, before its server starts."""
    _lean_objects()
    _indexed_buckets()
    _todays_defaults()
    _whole_writes(delivery.notify)
    _quiet_tagging(delivery.notify)
    _tags_end_with_their_bucket()
    _events(delivery)
    _validated_destinations()
    _kept_documents()
    _permissions_decided_before()


def _lean_objects() -> None:
    """moto opens a temporary file for each object and keeps each one listed for ever."""
    models.FakeKey = responses.FakeKey = ObjectVersion
    models.FakeDeleteMarker = responses.FakeDeleteMarker = DeleteMarker


def _indexed_buckets() -> None:
    """moto sorts all keys for each page; new buckets get a store that keeps them sorted."""
    models._VersionedKeyStore = IndexedKeyStore

    def list_objects(
        _backend: Any, bucket: Any, prefix: str | None, delimiter: str | None, marker: str | None, max_keys: int | None
    ) -> Any:
        # Used by moto's other services only; the API's listings are answered natively.
        del delimiter, marker, max_keys
        store: IndexedKeyStore = bucket.keys
        with store.lock:
            found = [store.current(name) for name in store.names if name.startswith(prefix or "")]
        return [each for each in found if isinstance(each, ObjectVersion)], [], False, None

    models.S3Backend.list_objects = list_objects


def _todays_defaults() -> None:
    """New buckets block public access and have ACLs off, as S3's have since April 2023."""
    original = models.FakeBucket.__init__

    @wraps(original)
    def initialise(bucket: Any, *args: Any, **kwargs: Any) -> None:
        original(bucket, *args, **kwargs)
        bucket.public_access_block = models.PublicAccessBlock(*["true"] * 4)
        bucket.ownership_rule = "BucketOwnerEnforced"

    models.FakeBucket.__init__ = initialise


def _whole_writes(notify: Notify) -> None:
    """Puts and deletes that moto itself makes (POST uploads, multipart, Firehose, logs) go the native way, too."""

    def put_object(backend: Any, bucket_name: str, key_name: str, value: Any, **given: Any) -> ObjectVersion:
        storage = given.get("storage")
        if storage is not None and storage not in models.STORAGE_CLASS:
            raise exceptions.InvalidStorageClass(storage=storage)
        bucket = backend.get_bucket(bucket_name)
        method, silent = given.pop("request_method", "PUT"), given.pop("disable_notification", False)
        multipart = given.pop("multipart", None)
        key = ObjectVersion(key_name, value, bucket.account_id, backend.region_name, bucket_name=bucket_name, **given)
        encrypt(bucket, key)
        with bucket.keys.lock:
            forget_tags(models.s3_backends[bucket.account_id][bucket.partition], put_version(bucket, key))
            if not silent and multipart is None:  # a completed upload tells of itself
                notify(f"s3:ObjectCreated:{'Post' if method == 'POST' else 'Put'}", bucket, key)
        return key

    def delete_object(
        backend: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> tuple[bool, dict[str, Any]]:
        bucket = backend.get_bucket(bucket_name)
        removed, gone = remove(bucket, key_name, version_id, bypass=bypass, notify=notify)
        forget_tags(backend, gone)
        meta: dict[str, Any] = {"version-id": removed.version_id} if removed.version_id else {}
        return removed.found, meta | ({"delete-marker": "true"} if removed.delete_marker else {})

    models.S3Backend.put_object = put_object
    models.S3Backend.delete_object = delete_object
    _part_sizes()
    _dated_uploads()


def _dated_uploads() -> None:
    """moto doesn't know when an upload was begun, nor which lock its object shall have."""
    original = models.FakeMultipart.__init__

    @wraps(original)
    def initialise(upload: Any, *args: Any, **kwargs: Any) -> None:
        original(upload, *args, **kwargs)
        upload.initiated = now()
        given = flask.request.headers if flask.has_request_context() else {}
        upload.lock_headers = {name: given[name] for name in (MODE, UNTIL, HOLD) if name in given}

    models.FakeMultipart.__init__ = initialise


def _part_sizes() -> None:
    """moto drops the parts of a completed upload; their sizes answer GetObject and HeadObject by part number."""
    original_complete = models.S3Backend.complete_multipart_upload

    @wraps(original_complete)
    def complete(backend: Any, bucket_name: str, multipart_id: str, body: Any) -> Any:
        wanted = list(body)
        parts = backend.get_bucket(bucket_name).multiparts[multipart_id].parts
        sizes = tuple(parts[number].contentsize for number, _ in wanted if number in parts)
        key = original_complete(backend, bucket_name, multipart_id, iter(wanted))
        if key is not None:
            key.part_sizes = sizes
        return key

    models.S3Backend.complete_multipart_upload = complete


def _quiet_tagging(notify: Notify) -> None:
    """moto sends ObjectTagging:Put for each PutObject; S3 only when an object's tags are put by themselves."""
    original = models.S3Backend.put_object_tagging

    @wraps(original)
    def put_tags(backend: Any, key: Any, tags: Any) -> Any:
        if not tags:
            backend.tagger.delete_all_tags_for_resource(key.arn)
            return key
        bucket = backend.get_bucket(key.bucket_name)
        configuration, bucket.notification_configuration = bucket.notification_configuration, None
        try:
            return original(backend, key, tags)
        finally:
            bucket.notification_configuration = configuration

    original_call = responses.S3Response.put_object_tagging

    @wraps(original_call)
    def call(response: Any) -> Any:
        answer = original_call(response)
        bucket = response.backend.get_bucket(response.bucket_name)
        version_id = response._get_param("versionId")
        key = response.backend.get_object(response.bucket_name, response.parse_key_name(), version_id=version_id)
        if key is not None:
            notify("s3:ObjectTagging:Put", bucket, key)
        return answer

    models.S3Backend.put_object_tagging = put_tags
    responses.S3Response.put_object_tagging = call


def _tags_end_with_their_bucket() -> None:
    """moto keeps a deleted bucket's tags, and a new bucket of that name would have them."""
    original = models.S3Backend.delete_bucket

    @wraps(original)
    def delete_bucket(backend: Any, bucket_name: str) -> Any:
        removed = original(backend, bucket_name)
        if removed is not None:
            backend.tagger.delete_all_tags_for_resource(removed.arn)
        return removed

    models.S3Backend.delete_bucket = delete_bucket


def _events(delivery: Delivery) -> None:
    """moto delivers inside the call, and its records lack half their fields; its filter names are case-sensitive."""

    def send_event(_account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        delivery.notify(str(getattr(event_name, "value", event_name)), bucket, key)

    original_reset = models.S3Backend.reset

    @wraps(original_reset)
    def reset(backend: Any) -> None:
        delivery.forget()
        original_reset(backend)

    def key_matches(notification: Any, key_name: str) -> bool:
        rules = (notification.filters.get("S3Key") or {}).get("FilterRule") or []
        wanted = {rule["Name"].lower(): rule["Value"] or "" for rule in rules}
        return key_name.startswith(wanted.get("prefix", "")) and key_name.endswith(wanted.get("suffix", ""))

    notifications.send_event = send_event
    models.S3Backend.reset = reset
    models.Notification._key_matches = key_matches


class _UnknownDestination(exceptions.S3ClientError):
    def __init__(self) -> None:
        super().__init__("InvalidArgument", "Unable to validate the following destination configurations")


def _validated_destinations() -> None:
    """moto takes a configuration whose queue isn't there; S3 refuses it, and keeps the one it had."""

    def test_events(account_id: str, bucket: Any) -> None:
        del account_id
        if flask.has_request_context() and flask.request.headers.get("x-amz-skip-destination-validation") == "true":
            return
        configuration = bucket.notification_configuration
        for arn in sorted({each.arn for each in (*configuration.queue, *configuration.topic)}):
            try:
                send_test_event(arn, bucket.name)
            except Exception as error:
                raise _UnknownDestination from error

    original = models.FakeBucket.set_notification_configuration

    @wraps(original)
    def configure(bucket: Any, notification_config: Any) -> None:
        previous = bucket.notification_configuration
        try:
            original(bucket, notification_config)
        except exceptions.S3ClientError:
            bucket.notification_configuration = previous
            raise

    notifications.send_test_event = test_events
    models.FakeBucket.set_notification_configuration = configure


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)


def _kept_documents() -> None:
    """Keep the XML of the configurations that moto reads only in part, once moto has taken them."""
    original_put, original_delete = (
        responses.S3Response._bucket_response_put,
        responses.S3Response._bucket_response_delete,
    )

    @wraps(original_put)
    def put(response: Any, request: Any, bucket_name: str, querystring: Any) -> Any:
        if (
            "notification" in querystring
        ):  # S3 tells rules as `Prefix`, and takes back what it tells; moto takes `prefix`
            response.body = _RULE_NAMES.sub(lambda name: name[0].lower(), _text(response.body))
        answer = original_put(response, request, bucket_name, querystring)
        subresource = next((name for name in documents.KEPT if name in querystring), "")
        if subresource:
            try:
                documents.keep(response.backend.get_bucket(bucket_name), subresource, response.body)
            except ET.ParseError as error:
                raise exceptions.MalformedXML from error
        if subresource == "lifecycle":
            size = response.headers.get(documents.MINIMUM_SIZE) or documents.MINIMUM_SIZE_DEFAULT
            documents.documents_of(response.backend.get_bucket(bucket_name))[documents.MINIMUM_SIZE] = size.encode()
            return 200, {documents.MINIMUM_SIZE: size}, b""
        return answer

    @wraps(original_delete)
    def delete(response: Any, bucket_name: str, querystring: Any) -> Any:
        answer = original_delete(response, bucket_name, querystring)
        for name in documents.KEPT:
            if name in querystring:
                documents.forget(response.backend.get_bucket(bucket_name), name)
        return answer

    responses.S3Response._bucket_response_put = put
    responses.S3Response._bucket_response_delete = delete


def _permissions_decided_before() -> None:
    """moto reads a policy's Deny without its principal and conditions; ours was asked before moto sees the call."""
    models.FakeBucket.get_permission = lambda _bucket, _action, _resource: PermissionResult.PERMITTED
