"""Server-side encryption with customer keys (SSE-C): a request without the key, or with another one, gets neither content nor headers.

Only the key's MD5 is kept, as S3 keeps a salted hash. Unlike S3, the embedded AWS takes keys over HTTP: it listens on loopback only.
Source: S3 user guide, "Using server-side encryption with customer-provided keys"; S3 API reference, "List of error codes".
moto accepts the headers and enforces nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from windlass_local.request import Response
from windlass_local.s3.objects import ObjectVersion
from windlass_local.s3.responses import refuse

__all__ = ["customer_headers", "key_md5", "keys_refused", "part_refused", "source_unreadable", "unreadable"]

_PREFIX = "x-amz-server-side-encryption-customer-"
_OF_SOURCE = "x-amz-copy-source-server-side-encryption-customer-"
_FIELDS = ("algorithm", "key", "key-md5")
_KEY_BYTES = 32
_NOT_APPLICABLE = "The encryption parameters are not applicable to this object."
_NEEDED = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve "
    "the object."
)


def key_md5(headers: Mapping[str, str], prefix: str = _PREFIX) -> str:
    """Return the MD5 of the customer key of a request whose keys were accepted; empty when it has none."""
    return headers.get(f"{prefix}key-md5", "")


def keys_refused(headers: Mapping[str, str], *, method: str) -> Response | None:
    """Return the refusal of a request whose customer keys are incomplete or malformed; None when they are well formed."""
    wrong = _malformed(headers, _PREFIX) or _malformed(headers, _OF_SOURCE)
    if wrong is None and key_md5(headers) and "x-amz-server-side-encryption" in headers:
        wrong = (
            "InvalidArgument",
            "Server Side Encryption with Customer provided key is incompatible with the encryption method",
        )
    return None if wrong is None else refuse(400, *wrong, method=method)


def unreadable(headers: Mapping[str, str], key: ObjectVersion, *, method: str) -> Response | None:
    """Return the refusal of a read without the object's key, or with a key where there is none; else None."""
    return _refused(key_md5(headers), key, method)


def source_unreadable(headers: Mapping[str, str], source: ObjectVersion) -> Response | None:
    """Return the refusal of a copy that does not give its source's key; else None."""
    return _refused(key_md5(headers, _OF_SOURCE), source, "PUT")


def part_refused(headers: Mapping[str, str], upload: Any) -> Response | None:
    """Return the refusal of a part that is given with another key than its upload was started with; else None."""
    value = key_md5(headers)
    if value == upload.customer_key_md5:
        return None
    if not upload.customer_key_md5:
        return refuse(400, "InvalidRequest", "The multipart upload initiate did not request encryption.")
    if not value:
        message = (
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
            "encryption parameters."
        )
        return refuse(400, "InvalidRequest", message)
    return refuse(400, "InvalidRequest", "The provided encryption parameters did not match the ones used originally.")


def customer_headers(md5: str) -> dict[str, str]:
    """Return the response headers for a customer key."""
    return {f"{_PREFIX}algorithm": "AES256", f"{_PREFIX}key-md5": md5}


def _refused(value: str, key: ObjectVersion, method: str) -> Response | None:
    stored = key.customer_key_md5
    if stored and not value:
        return refuse(400, "InvalidRequest", _NEEDED, method=method)
    if value and not stored:
        return refuse(400, "InvalidRequest", _NOT_APPLICABLE, method=method)
    return None if hmac.compare_digest(value, stored) else refuse(403, "AccessDenied", "Access Denied", method=method)


def _malformed(headers: Mapping[str, str], prefix: str) -> tuple[str, str] | None:
    algorithm, key, md5 = (headers.get(f"{prefix}{field}", "") for field in _FIELDS)
    if not (algorithm or key or md5):
        return None
    must = "Requests specifying Server Side Encryption with Customer provided keys must provide"
    if not algorithm:
        return "InvalidArgument", f"{must} a valid encryption algorithm."
    if algorithm != "AES256":
        return (
            "InvalidEncryptionAlgorithmError",
            "The encryption request you specified is not valid. The valid value is AES256.",
        )
    if not key:
        return "InvalidArgument", f"{must} an appropriate secret key."
    if not md5:
        return "InvalidArgument", f"{must} the client calculated MD5 of the secret key."
    try:
        secret = base64.b64decode(key, validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != _KEY_BYTES:
        return "InvalidArgument", "The secret key was invalid for the specified algorithm."
    if base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode() != md5:
        return "InvalidArgument", "The calculated MD5 hash of the key did not match the hash that was provided."
    return None
