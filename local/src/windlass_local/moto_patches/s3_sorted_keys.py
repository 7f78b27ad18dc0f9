# ruff: noqa: SLF001 - moto's private names are touched here; each is in PRIVATE_NAMES
"""Buckets keep their keys sorted.

Upstream: every page of a listing sorts all keys of the bucket: a listing of n keys costs O(n² log n).
AWS: keys are listed in UTF-8 binary order; the cost of a page does not depend on the bucket's size.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
Offered upstream: no.
"""

from __future__ import annotations

from typing import Any

from moto.s3 import models

from windlass_local.s3.objects import IndexedKeyStore, ObjectVersion

__all__ = ["PRIVATE_NAMES", "apply"]

PRIVATE_NAMES = (
    "moto.s3.models._VersionedKeyStore",
    "moto.s3.utils._VersionedKeyStore",
    "moto.s3.models.S3Backend.list_objects",
)


def apply() -> None:
    """Replace moto's key store and the listing that its other services use."""
    models._VersionedKeyStore = IndexedKeyStore

    def list_objects(
        _backend: Any, bucket: Any, prefix: str | None, delimiter: str | None, marker: str | None, max_keys: int | None
    ) -> Any:
        # Used by moto's other services only; the API's listings are answered natively.
        del delimiter, marker, max_keys
        store: IndexedKeyStore = bucket.keys
        with store.lock:
            result = [store.current(name) for name in store.names if name.startswith(prefix or "")]
        return [entry for entry in result if isinstance(entry, ObjectVersion)], [], False, None

    models.S3Backend.list_objects = list_objects
