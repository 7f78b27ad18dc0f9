"""Requests, responses and calls as values: what to send, and how to read the response. No I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Protocol, TypeVar

__all__ = [
    "COPY",
    "EMPTY_SHA256",
    "IDEMPOTENT",
    "PACED",
    "POLL",
    "SEND",
    "UNSIGNED",
    "Call",
    "Checksum",
    "Request",
    "Response",
    "RetryPolicy",
    "Streamed",
]

T = TypeVar("T")

UNSIGNED = "UNSIGNED-PAYLOAD"
_REQUEST_IDS = ("x-amz-request-id", "x-amzn-requestid", "x-amz-id-2")
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a call is retried, and how much of its response is kept.

    `attempts` counts the first. `retry_after_lost_response`: send again though the service may have done it.
    `retry_throttled`: retry throttled calls here; false for callers that pace themselves and need the error.
    `errors_after_200`: the service sends 200 and blanks while it works, and the body says how it ended.
    `read_ahead_bytes`: how much of a streamed body waits for its reader before reading stops at the socket.
    """

    attempts: int = 4
    retry_after_lost_response: bool = True
    errors_after_200: bool = False
    retry_throttled: bool = True
    max_body_bytes: int = 64 * 1024 * 1024
    read_ahead_bytes: int = 4 * 1024 * 1024


IDEMPOTENT = RetryPolicy()
"""Reads, and writes that may be done twice."""
SEND = RetryPolicy(attempts=3)
"""SendMessage: a retry after a lost response may send a second message; at least once is what SQS promises."""
POLL = RetryPolicy(attempts=1, retry_after_lost_response=False)
"""ReceiveMessage: each retry after a lost response could hide ten more messages."""
PACED = RetryPolicy(retry_throttled=False)
"""Calls of a caller that paces itself."""
COPY = RetryPolicy(attempts=6, errors_after_200=True)
"""CopyObject, UploadPartCopy and CompleteMultipartUpload."""


class Checksum(Enum):
    """Which checksum a request carries (S3 User Guide, "Checking object integrity")."""

    NONE = "none"
    BODY = "body"  # its body is content: the checksum goes with it
    DECLARED = "declared"  # it begins an upload whose parts carry checksums


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request before it is signed.

    `bucket` goes into the host or the path, as the endpoint requires. `path` and `query` are encoded already, the query
    with its pairs in order. Header names are lower case. `payload_hash` is the body's SHA-256 in hex, UNSIGNED, or
    empty to have it computed. `checksum` says which checksum goes with it.
    """

    method: str
    path: str = "/"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | memoryview = b""
    bucket: str = ""
    payload_hash: str = ""
    checksum: Checksum = Checksum.NONE


class Streamed(Protocol):
    """A body that is read piece by piece."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return its pieces; ConnectionLost when it is cut off."""
        ...

    def abandon(self) -> None:
        """Stop reading; close the connection unless the body has ended."""
        ...


@dataclass(slots=True)
class Response:
    """One HTTP response; header names are lower case, repeated headers are joined with a comma.

    `put_bytes` is how much of the body lies where the call wanted it (`Call.into`).
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    stream: Streamed | None = None
    put_bytes: int = 0

    @property
    def request_id(self) -> str:
        """AWS's id of the request, for its support; empty when the response has none."""
        return next((self.headers[name] for name in _REQUEST_IDS if self.headers.get(name)), "")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, the way to read its response, and AWS's own name of the operation.

    `read` is given answers below 300 only, and raises BadResponse when the body is not what the operation answers.
    `into` is where such a response's body is put as it arrives, instead of into `Response.body`: nothing is copied. It must
    have room for all of it, and is overwritten by each attempt.
    """

    name: str
    request: Request
    read: Callable[[Response], T]
    retry_policy: RetryPolicy = IDEMPOTENT
    read_timeout_s: float = 0.0  # 0: the access's
    into: memoryview | None = None
