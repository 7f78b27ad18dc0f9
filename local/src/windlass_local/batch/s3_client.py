"""S3 as a batch job calls it: in this process, as its role, through the code that answers every other call of S3.

Bucket policies, notifications, encryption, versions and replication therefore apply as they do to any call, and so do
faults ordered for S3.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from windlass_local.dispatch import Dispatcher
from windlass_local.faults import Faults
from windlass_local.internal_faults import fault_response
from windlass_local.request import Request, Response
from windlass_local.s3.access import find_bucket, no_such_bucket, permitted
from windlass_local.s3.address import S3Request, parse
from windlass_local.s3.bucket_requests import answer
from windlass_local.s3.caller import Caller
from windlass_local.wsgi import call_wsgi

__all__ = ["RoleS3Client", "error_of"]

_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")
_HOST = "127.0.0.1"
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


class RoleS3Client:
    """Calls of S3 by one role. `faults` are those of the servers that are up."""

    _moto: Dispatcher | None = None
    _making = threading.Lock()

    def __init__(self, caller: Caller, faults: tuple[Faults, ...]) -> None:
        self.caller = caller
        self._faults = faults
        # No signature is checked here, but moto reads the caller from it.
        self._signed = f"AWS4-HMAC-SHA256 Credential={caller.access_key}/20260101/{{}}/s3/aws4_request"

    def call(
        self,
        method: str,
        bucket: str,
        key: str,
        operation: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        """Make one call on an object and return S3's response."""
        target = find_bucket(bucket)
        region = target.region_name if target is not None else "us-east-1"
        path = f"/{bucket}/{quote(key)}"
        request = Request(
            method=method,
            path=path,
            query=urlencode(query) if query else "",
            headers={"host": _HOST, "user-agent": "s3-batch-operations", **(headers or {})},
            body=body,
            service="s3",
            region=region,
            account_id=self.caller.account_id,
            access_key=self.caller.access_key,
            operation=operation,
        )
        refusal = fault_response(self._faults, request)
        if refusal is not None:
            return refusal
        call = parse(request) if query else S3Request(request=request, bucket=bucket, key=key, query={}, subresource="")
        if target is None:
            return no_such_bucket(call)
        answered = answer(call, target)
        return self._by_moto(request) if answered is None else answered

    def may(self, bucket: Any, action: str, key: str) -> bool:
        """True when the bucket policy lets the role do `action`: for actions that are no API call."""
        request = Request(
            method="PUT",
            path=f"/{bucket.name}/{quote(key)}",
            query="",
            headers={},
            body=b"",
            service="s3",
            region=bucket.region_name,
            account_id=self.caller.account_id,
            access_key=self.caller.access_key,
            operation=action.partition(":")[2],
        )
        call = S3Request(request=request, bucket=bucket.name, key=key, query={}, subresource="")
        return permitted(call, bucket, self.caller, action, key)

    def _by_moto(self, request: Request) -> Response:
        with self._making:
            if RoleS3Client._moto is None:
                RoleS3Client._moto = Dispatcher()
        signed = {**request.headers, "authorization": self._signed.format(request.region)}
        if "x-amz-copy-source" in signed:  # moto requires it for every write with a lock; a copy has no body
            signed["x-amz-sdk-checksum-algorithm"] = "CRC32"
        as_signed = Request(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=signed,
            body=request.body,
            service="s3",
            region=request.region,
            account_id=request.account_id,
            access_key=request.access_key,
            operation=request.operation,
        )
        return call_wsgi(RoleS3Client._moto, as_signed, _HOST)


def error_of(answered: Response) -> tuple[str, str]:
    """Return the code and the message of an S3 error response."""
    code, message = _CODE.search(answered.body), _MESSAGE.search(answered.body)
    text = message[1].decode("utf-8", "replace") if message else ""
    for written, sign in _ENTITIES:
        text = text.replace(written, sign)
    return code[1].decode() if code else "InternalError", text
