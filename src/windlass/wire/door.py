"""Signed calls to one service in one region as one identity: keys, clock, connections, retries.

A Door belongs to one event loop. `await door(call)` is one call with its retries; `door.stream(call)` hands the body
over as it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Self, TypeVar

from windlass.core.access import Access, Keys
from windlass.core.aws_errors import service_error
from windlass.core.errors import AwsError, WindlassError
from windlass.wire.connection import Connection, shared_buffer
from windlass.wire.errors import BadAnswer, BrokenAnswer, ConnectionLost, Fault, read_fault
from windlass.wire.model import EMPTY_SHA256, UNSIGNED, Call, Request, Response
from windlass.wire.pool import Pool, read_endpoint
from windlass.wire.retry import Again, after_fault, after_loss
from windlass.wire.sign import Signer

__all__ = ["Door", "Observer"]

T = TypeVar("T")

_KEYS_FRESH_S = 60.0
_KEYS_STALE_S = 300.0

Observer = Callable[[str, str, float], None]
"""Told of each attempt: the operation, its outcome (ok, throttled, error, lost) and its time in seconds."""


class Door:
    """The way to one service; close it, or use it with `async with`."""

    def __init__(self, access: Access, *, connections: int = 0, observe: Observer | None = None) -> None:
        self.access = access
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._buffer = shared_buffer()
        self._connections = connections or access.max_connections
        self._endpoint = read_endpoint(access.endpoint_url)
        self._virtual = access.service == "s3" and not access.path_style
        self._pools: dict[str, Pool] = {}
        self._signers: dict[str, Signer] = {}
        self._regions: dict[str, str] = {}  # of buckets that turned out to live elsewhere
        self._keys: Keys | None = None
        self._keys_at = 0.0
        self._renewing: asyncio.Task[Keys] | None = None
        self._skew_s = 0.0
        self._random = random.Random()  # noqa: S311  jitter

    async def __call__(self, call: Call[T]) -> T:
        """The operation's answer. AccessRefused, NotFound, Conflict, Throttled or AwsError, as the service says."""
        response = await self._attempts(call, stream=False)
        try:
            return call.read(response)
        except BadAnswer as error:
            raise BadAnswer(f"{self._where(call)}: {error.message}", hint=error.hint) from None
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            said = f"{self._where(call)}: the answer makes no sense ({type(error).__name__}: {error})"
            raise BadAnswer(said, hint="Is a proxy answering in the service's place?") from None

    @contextlib.asynccontextmanager
    async def stream(self, call: Call[T]) -> AsyncIterator[tuple[T, AsyncIterator[bytes]]]:
        """What the head says, and the body in pieces. A body cut off raises ConnectionLost: ask for the rest by range."""
        response = await self._attempts(call, stream=True)
        assert response.stream is not None
        try:
            yield call.read(response), aiter(response.stream)
        finally:
            response.stream.abandon()

    async def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()
        if self._renewing is not None:
            self._renewing.cancel()
        await asyncio.sleep(0)  # aborted transports say so on the next turn

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def opened(self) -> int:
        """How many connections were opened so far."""
        return sum(pool.opened for pool in self._pools.values())

    # One call

    async def _attempts(self, call: Call[T], *, stream: bool) -> Response:
        manners = call.manners
        attempt, mended = 1, frozenset[str]()
        while True:
            started = time.perf_counter()
            reused = False
            try:
                pool, request_bytes, body = await self._prepare(call.request)
                connection = pool.take() or await pool.get()
                reused = connection.used > 0
                response = await self._send(connection, call, request_bytes, body, stream=stream)
            except (ConnectionLost, BrokenAnswer) as error:
                self._note(call, "lost", started)
                again = after_loss(error, manners, attempt, reused=reused, draw=self._random.random())
                if again is None:
                    raise self._lost(call, error) from None
            else:
                if response.status < 300 and not _error_within(call, response):
                    self._note(call, "ok", started)
                    return response
                fault = read_fault(response)
                self._note(call, "throttled" if fault.status in (429, 503) else "error", started)
                again = after_fault(fault, manners, attempt, mended, self._random.random())
                if again is None or not self._mend(again, call.request, response):
                    raise self._said(call, fault, response) from None
                mended |= _named(again)
            attempt += again.counts
            if again.renew_keys:
                await self._renew()
            if again.wait_s:
                await asyncio.sleep(again.wait_s)

    async def _send(
        self, connection: Connection, call: Call[T], head: bytes, body: bytes | memoryview, *, stream: bool
    ) -> Response:
        answer = connection.send(
            head, body,
            head_only=call.request.method == "HEAD",
            limit=call.manners.max_body_bytes,
            timeout_s=call.read_timeout_s or self.access.read_timeout_s,
            stream=stream,
        )  # fmt: skip
        try:
            return await answer
        except asyncio.CancelledError:
            connection.close()  # its answer would be taken for the next request's
            raise

    async def _prepare(self, request: Request) -> tuple[Pool, bytes, bytes | memoryview]:
        keys = self._keys
        if keys is None or self._loop.time() - self._keys_at > _KEYS_FRESH_S:
            keys = await self._current_keys()
        region = self._regions.get(request.bucket) if request.bucket else None
        region = region or self.access.region
        pool, host, path = self._address(request, region)
        body = request.body
        digest = request.payload_hash or (sha256(body).hexdigest() if body else EMPTY_SHA256)
        if digest == UNSIGNED and not pool.endpoint.tls:
            digest = sha256(body).hexdigest()  # what nobody encrypts must at least be signed
        headers = [("host", host), *request.headers]
        signer = self._signers.get(region)
        if signer is None:
            signer = self._signers[region] = Signer(self.access.service, region)
        signer.sign(request.method, path, request.query, headers, digest, keys, time.time() + self._skew_s)
        target = f"{path}?{request.query}" if request.query else path
        length = f"content-length: {len(body)}\r\n" if body or request.method in ("PUT", "POST") else ""
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        head = f"{request.method} {target} HTTP/1.1\r\n{lines}user-agent: {self.access.user_agent}\r\n{length}\r\n"
        return pool, head.encode("utf-8", "surrogateescape"), body

    def _address(self, request: Request, region: str) -> tuple[Pool, str, str]:
        bucket = request.bucket
        home = region == self.access.region
        url = self.access.endpoint_url if home else self.access.elsewhere(region) or self.access.endpoint_url
        # A dot in the bucket's name would not fit the wildcard of S3's certificate.
        virtual = bool(bucket) and self._virtual and "." not in bucket
        key = f"{bucket}.{url}" if virtual else url
        pool = self._pools.get(key)
        if pool is None:
            endpoint = (
                self._endpoint if home and not virtual else read_endpoint(_in_front(url, bucket if virtual else ""))
            )
            pool = self._pools[key] = Pool(
                self._loop, endpoint, self._buffer,
                size=self._connections, ca_bundle=self.access.ca_bundle, proxy_url=self.access.proxy_url,
                connect_timeout_s=self.access.connect_timeout_s,
            )  # fmt: skip
        path = request.path if virtual or not bucket else f"/{bucket}{request.path}"
        return pool, pool.endpoint.authority, path

    # Keys and clock

    async def _current_keys(self) -> Keys:
        age_s = self._loop.time() - self._keys_at
        if self._keys is not None and age_s < _KEYS_STALE_S:
            self._start_renewal()  # meanwhile, the keys we have serve
            return self._keys
        return await self._renew()

    async def _renew(self) -> Keys:
        return await asyncio.shield(self._start_renewal())

    def _start_renewal(self) -> asyncio.Task[Keys]:
        if self._renewing is None or self._renewing.done():
            self._renewing = self._loop.create_task(self._fetch_keys())
        return self._renewing

    async def _fetch_keys(self) -> Keys:
        keys = await self._loop.run_in_executor(None, self.access.keys)
        self._keys, self._keys_at = keys, self._loop.time()
        return keys

    # What went wrong

    def _mend(self, again: Again, request: Request, response: Response) -> bool:
        """Carry out what makes another attempt worth while; false when it can't be."""
        if again.set_clock:
            skew_s = _skew(response)
            # A wrong signature is said with the same code; a clock that is right can't be what is wrong.
            if skew_s is None or abs(skew_s - self._skew_s) < 30:
                return False
            self._skew_s = skew_s
        if again.region:
            current = self._regions.get(request.bucket, self.access.region)
            if not request.bucket or again.region == current:
                return False
            self._regions[request.bucket] = again.region
        return True

    def _said(self, call: Call[T], fault: Fault, response: Response) -> WindlassError:
        return service_error(fault.code, fault.message, where=self._where(call), request_id=response.request_id)

    def _lost(self, call: Call[T], error: Exception) -> WindlassError:
        timed_out = isinstance(error, ConnectionLost) and error.timed_out
        code = "BrokenAnswer" if isinstance(error, BrokenAnswer) else "ReadTimeout" if timed_out else "ConnectionLost"
        if isinstance(error, ConnectionLost) and not error.sent:
            code = "EndpointUnreachable"
        hint = (
            "Check the network, the proxy and the endpoint."
            if code != "ReadTimeout"
            else "Raise estate.read_timeout_s if this repeats."
        )
        return AwsError(f"{self._where(call)}: {error}", hint=hint, code=code)

    def _where(self, call: Call[T]) -> str:
        of = f" of {self.access.account_id}" if self.access.account_id else ""
        bucket = f" ({call.request.bucket})" if call.request.bucket else ""
        return f"{self.access.service} {call.name}{bucket} in {self.access.region}{of}"

    def _note(self, call: Call[T], outcome: str, started: float) -> None:
        if self._observe is not None:
            self._observe(call.name, outcome, time.perf_counter() - started)


def _in_front(url: str, bucket: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{bucket}.{rest}" if bucket else url


def _error_within(call: Call[T], response: Response) -> bool:
    """S3 answers copies and completed uploads with 200 before it knows how they end; the body says."""
    if not call.manners.late_errors:
        return False
    body = response.body.lstrip()
    return not body or b"<Error>" in body[:256] or body.startswith(b"<Error")


def _named(again: Again) -> frozenset[str]:
    pairs = (("keys", again.renew_keys), ("clock", again.set_clock), ("region", bool(again.region)))
    return frozenset(name for name, did in pairs if did)


def _skew(response: Response) -> float | None:
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return parsedate_to_datetime(response.headers["date"]).timestamp() - time.time()
    return None
