"""Requests, responses and calls as values: what to send, and how to read the answer, without any I/O."""

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
    """How a call is treated when it fails.

    `attempts` in all. `lost`: a call whose answer was lost may be sent again, though it may have been done.
    `throttled`: what was slowed down is sent again here; who paces by itself wants to hear of it instead.
    `read_ahead_bytes`: how much of a streamed body waits here for its reader, before reading stops at the socket.
    `errors_after_200`: the service answers 200 before it knows how it ends, sends blanks meanwhile, and the body says it.
    """

    attempts: int = 4
    retry_after_lost_response: bool = True
    errors_after_200: bool = False
    retry_throttled: bool = True
    max_body_bytes: int = 64 * 1024 * 1024
    read_ahead_bytes: int = 4 * 1024 * 1024


IDEMPOTENT = RetryPolicy()
"""Reads, and writes that twice do what they do once."""
SEND = RetryPolicy(attempts=3)
"""A lost answer may mean a second message: at least once beats never."""
POLL = RetryPolicy(attempts=1, retry_after_lost_response=False)
"""A receive: each hidden retry can hide ten more messages."""
PACED = RetryPolicy(retry_throttled=False)
"""Reads and writes of one who decides the pace."""
COPY = RetryPolicy(attempts=6, errors_after_200=True)
"""S3's copies and completed uploads."""


class Checksum(Enum):
    """What part a request has in checking an object's content (S3 User Guide, "Checking object integrity")."""

    NONE = "none"
    BODY = "body"  # its body is content: the checksum goes with it
    DECLARED = "declared"  # it begins an upload whose parts carry checksums


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request before it is signed.

    `bucket` goes into the host or the path, as the endpoint wants it. `path` and `query` are encoded already, the query
    with its pairs in order. Header names are lower case. `payload_hash` is the body's SHA-256 in hex, UNSIGNED, or
    empty to have it computed. `checksum` says what the service is to check the content with.
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
    """A body that is handed over as it comes."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Its pieces; ConnectionLost when it is cut off."""
        ...

    def abandon(self) -> None:
        """Read no further: the connection is closed unless the body has ended."""
        ...


@dataclass(slots=True)
class Response:
    """One HTTP answer; header names are lower case, repeated headers are joined with a comma.

    `put_bytes` is how much of the body lies where the call wanted it (`Call.into`).
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    stream: Streamed | None = None
    put_bytes: int = 0

    @property
    def request_id(self) -> str:
        """AWS's id of the request, for its support; empty when the answer has none."""
        return next((self.headers[name] for name in _REQUEST_IDS if self.headers.get(name)), "")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, the way to read its answer, and AWS's own name of the operation.

    `read` is given answers below 300 only, and raises BadAnswer when the body is not what the operation answers.
    `into` is where such an answer's body is put as it arrives, instead of into `Response.body`: nothing is copied. It must
    have room for all of it, and is written anew by each attempt.
    """

    name: str
    request: Request
    read: Callable[[Response], T]
    retry_policy: RetryPolicy = IDEMPOTENT
    read_timeout_s: float = 0.0  # 0: the access's
    into: memoryview | None = None
