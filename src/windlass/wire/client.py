"""The client of one service in one region as one identity: credentials, clock skew, connections, retries.

A Client belongs to one event loop. `await client.send(call)` is one call with its retries; `client.stream(call)` yields
the body in pieces.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any, Self, TypeVar

from windlass.core.access import Access, Keys
from windlass.core.aws_errors import service_error
from windlass.core.errors import AccessDenied, AwsError, Conflict, UsageError, WindlassError
from windlass.wire.checksums import with_checksum
from windlass.wire.connection import Connection
from windlass.wire.credential_cache import CredentialCache
from windlass.wire.errors import BadResponse, BrokenResponse, ConnectionLost, Fault, read_fault, read_sensibly
from windlass.wire.model import EMPTY_SHA256, PACED, UNSIGNED, Call, Checksum, Request, Response
from windlass.wire.retry import RetryDecision, decide_after_fault, decide_after_loss
from windlass.wire.routes import Route, RouteTable
from windlass.wire.upload import Sender, send_upload

__all__ = ["Client", "Observer"]

T = TypeVar("T")

_STALE_CONNECTIONS = 3  # so many kept connections may turn out dead in one call before that counts as attempts
_THREADED_CHECKSUM_BYTES = 1024 * 1024  # above this, a checksum would hold up the loop
_ERROR = re.compile(rb"\s*+(?:<\?xml[^<>]*\?>\s*+)?(?:<Error[\s>]|\Z)")

Observer = Callable[[str, str, float], None]
"""Called after each attempt with the operation, its outcome (ok, throttled, error, lost) and its duration in seconds."""


class _CallState:
    """The attempts of one call so far, and what the last one was sent with."""

    __slots__ = ("attempt", "corrected", "keys", "lost", "protected", "reused", "route", "skew_s", "stale")

    def __init__(self) -> None:
        self.attempt = 1
        self.stale = 0
        self.corrected: frozenset[str] = frozenset()
        self.lost = self.reused = False
        self.skew_s = 0.0
        self.keys: Keys | None = None
        self.route: Route | None = None
        self.protected: Request | None = None


class Client:
    """Sends calls to one service; close it, or use it with `async with`. `draw` is the jitter of back-offs, in [0, 1)."""

    def __init__(
        self,
        access: Access,
        *,
        connections: int = 0,
        observe: Observer | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.access = access
        self._observe = observe
        loop = asyncio.get_running_loop()
        self._routes = RouteTable(loop, access, connections=connections)
        self._credentials = CredentialCache(loop, access.keys)
        self._skew_s = 0.0
        self._draw = draw

    async def send(self, call: Call[T]) -> T:
        """Return the operation's result. AccessDenied, NotFound, Conflict, Throttled or AwsError, as the service answers."""
        return self._read(call, await self._attempts(call, stream=False))

    @contextlib.asynccontextmanager
    async def stream(self, call: Call[T]) -> AsyncIterator[tuple[T, AsyncIterator[bytes]]]:
        """Yield the result that the head gives, and the body in pieces. A body cut off raises ConnectionLost: resume by range."""
        response = await self._attempts(call, stream=True)
        assert response.stream is not None
        try:
            yield self._read(call, response), aiter(response.stream)
        finally:
            response.stream.abandon()

    async def upload(self, call: Call[T], size_bytes: int, pieces: AsyncIterator[bytes]) -> T:
        """Send a call whose body comes in pieces, `size_bytes` in all. One attempt: the pieces can't be produced again.

        An error of `pieces` passes through, and S3 creates nothing from what was sent. Other errors are those of `send`.
        """
        started = time.perf_counter()
        try:
            sender = Sender(self.access, await self.fetch_keys(), self.route(call.request.bucket), self._skew_s)
            response = await send_upload(sender, call, size_bytes, pieces)
        except (ConnectionLost, BrokenResponse) as error:
            self._note(call, "lost", started)
            raise self._error_of_loss(call, error) from None
        if response.status < 300:
            self._note(call, "ok", started)
            return self._read(call, response)
        fault = read_fault(response)
        self._note(call, "throttled" if fault.status in (429, 503) else "error", started)
        # There is one attempt, and the caller decides the pace.
        raise self._error_of(replace(call, retry_policy=PACED), fault, response, _CallState())

    async def close(self) -> None:
        """Close every connection; calls in flight fail."""
        self._routes.close()
        self._credentials.close()
        await asyncio.sleep(0)  # aborted transports report it on the loop's next turn

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def opened(self) -> int:
        """Return how many connections were opened so far."""
        return self._routes.opened()

    # For a pipeline, which signs and sends by itself

    @property
    def skew_s(self) -> float:
        """Seconds that the service's clock is ahead of ours."""
        return self._skew_s

    @property
    def buffer(self) -> memoryview:
        """The buffer that all connections of this loop read into."""
        return self._routes.buffer

    def route(self, bucket: str) -> Route:
        """Return where a bucket's requests go, as far as is known."""
        return self._routes.find(bucket)

    async def fetch_keys(self) -> Keys:
        """Return the current keys; fetch them when there are none. Errors are those of `Access.keys`."""
        return self._credentials.at_hand() or await self._credentials.fetch()

    def keys_at_hand(self) -> Keys | None:
        """Return the current keys; None when they must be fetched first."""
        return self._credentials.at_hand()

    # One call

    async def _attempts(self, call: Call[T], *, stream: bool) -> Response:
        state = _CallState()
        while True:
            started = time.perf_counter()
            try:
                response = await self._once(call, state, stream=stream)
                fault = await self._find_fault(call, response, state)
            except (ConnectionLost, BrokenResponse) as error:
                self._note(call, "lost", started)
                decision = self._decide_after_loss(call, error, state)
            else:
                if fault is None:
                    self._note(call, "ok", started)
                    return response
                self._note(call, "throttled" if fault.status in (429, 503) else "error", started)
                decision = self._decide_after_fault(call, fault, response, state)
            state.attempt += decision.counts_as_attempt
            if decision.renew_keys and state.keys is not None:
                await self._credentials.renew(state.keys)
            if decision.wait_s:
                await asyncio.sleep(decision.wait_s)

    async def _once(self, call: Call[T], state: _CallState, *, stream: bool) -> Response:
        state.reused = False
        state.keys = keys = self._credentials.at_hand() or await self._credentials.fetch()
        state.route = route = self._routes.find(call.request.bucket)
        request = await self._protected(call.request, route, state)
        connection = route.pool.take() or await route.pool.get()
        state.reused = connection.used > 0
        state.skew_s = self._skew_s  # signed now: it may have waited long for its connection
        try:
            head = self._sign(call.name, request, route, keys)
        except UnicodeEncodeError:
            route.pool.give_back(connection)
            raise UsageError("a header's value can't be written in UTF-8", hint="Check the metadata headers.") from None
        except UsageError:
            route.pool.give_back(connection)
            raise
        return await self._exchange(connection, call, head, stream=stream)

    async def _find_fault(self, call: Call[T], response: Response, state: _CallState) -> Fault | None:
        """The error in a response, None for a success. ConnectionLost or BrokenResponse when confirming it fails.

        The response to a HEAD has no document, and some S3-compatible services send no request id either. Such an error
        is confirmed by a GET of the first byte: its error document counts when it has the same status.
        """
        if response.status < 300 and not (call.retry_policy.errors_after_200 and _ERROR.match(response.body)):
            return None
        fault = read_fault(response)
        if not fault.is_unidentified or call.request.method != "HEAD":
            return fault
        headers = tuple(header for header in call.request.headers if header[0] != "range")
        get = replace(call.request, method="GET", headers=(*headers, ("range", "bytes=0-0")))
        confirmation = await self._once(replace(call, request=get), state, stream=True)
        if confirmation.stream is not None:  # the GET succeeded: one of the two responses is wrong
            confirmation.stream.abandon()
            return fault
        confirmed = read_fault(confirmation)
        return confirmed if confirmed.from_service and confirmed.status == fault.status else fault

    async def _protected(self, request: Request, route: Route, state: _CallState) -> Request:
        """Return the request with its body's checksum, computed once per call, and on a thread when the body is large."""
        if request.payload_hash != UNSIGNED and request.checksum is Checksum.NONE:
            return request
        if state.protected is None:
            tls, crc32 = route.pool.endpoint.tls, self.access.crc32
            if len(request.body) < _THREADED_CHECKSUM_BYTES:
                state.protected = with_checksum(request, tls=tls, crc32=crc32)
            else:
                aside = asyncio.get_running_loop().run_in_executor(
                    None, lambda: with_checksum(request, tls=tls, crc32=crc32)
                )
                state.protected = await aside
        return state.protected

    async def _exchange(self, connection: Connection, call: Call[T], head: bytes, *, stream: bool) -> Response:
        response = connection.send(
            head,
            call.request.body,
            head_only=call.request.method == "HEAD",
            limit=call.retry_policy.max_body_bytes,
            read_ahead_bytes=call.retry_policy.read_ahead_bytes,
            timeout_s=call.read_timeout_s or self.access.read_timeout_s,
            stream=stream,
            patient=call.retry_policy.errors_after_200,
            into=call.into,
        )
        try:
            return await response
        except asyncio.CancelledError:
            connection.close()  # its response would be taken for the next request's
            raise

    def _sign(self, operation: str, request: Request, route: Route, keys: Keys) -> bytes:
        body, path = request.body, route.prefix + request.path
        digest = request.payload_hash or (sha256(body).hexdigest() if body else EMPTY_SHA256)
        headers = [("host", route.pool.endpoint.authority), *request.headers]
        if self.access.headers or self.access.operation_headers:
            present = {name for name, _ in request.headers}
            headers += [header for header in self.access.headers_of(operation) if header[0] not in present]
        route.signer.sign(request.method, path, request.query, headers, digest, keys, time.time() + self._skew_s)
        target = f"{path}?{request.query}" if request.query else path
        length = f"content-length: {len(body)}\r\n" if body or request.method in ("PUT", "POST") else ""
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or "\0" in lines:
            raise UsageError("a header's value has a line break or a NUL in it", hint="Check the metadata headers.")
        head = f"{request.method} {target} HTTP/1.1\r\n{lines}user-agent: {self.access.user_agent}\r\n{length}\r\n"
        return head.encode("utf-8", "surrogateescape")

    # Failures

    def _decide_after_loss(
        self, call: Call[T], error: ConnectionLost | BrokenResponse, state: _CallState
    ) -> RetryDecision:
        """Decide after a lost response; raise the call's error when it is not retried."""
        reused = state.reused and state.stale < _STALE_CONNECTIONS
        decision = decide_after_loss(error, call.retry_policy, state.attempt, reused=reused, draw=self._draw())
        if decision is None or self._routes.closed:
            raise self._error_of_loss(call, error) from None
        if not decision.counts_as_attempt and state.route is not None:
            state.stale += 1
            state.route.pool.drop_idle()
        state.lost = state.lost or (isinstance(error, ConnectionLost) and error.sent)
        return decision

    def _decide_after_fault(self, call: Call[T], fault: Fault, response: Response, state: _CallState) -> RetryDecision:
        """Decide after an error response; raise the call's error when it is not retried."""
        while True:
            decision = decide_after_fault(fault, call.retry_policy, state.attempt, state.corrected, self._draw())
            if decision is None or self._routes.closed:
                raise self._error_of(call, fault, response, state)
            state.lost = state.lost or fault.is_unidentified
            corrections = _corrections_of(decision)
            state.corrected |= corrections
            if not corrections or self._correct(decision, call.request, response, state):
                return decision

    def _correct(self, decision: RetryDecision, request: Request, response: Response, state: _CallState) -> bool:
        """Correct the clock or the region before another attempt; False when neither was wrong. Another call may have done it."""
        if decision.correct_clock and state.skew_s == self._skew_s:
            skew_s = _skew(response)
            # A wrong signature has the same code: when the clock is right, the signature is what is wrong.
            if skew_s is None or abs(skew_s - self._skew_s) < 30:
                return False
            self._skew_s = skew_s
        if decision.region and state.route is not None and state.route is self._routes.find(request.bucket):
            if not request.bucket or decision.region == state.route.region:
                return False
            self._routes.learn(request.bucket, decision.region)
        return True

    def _error_of(self, call: Call[T], fault: Fault, response: Response, state: _CallState) -> WindlassError:
        if fault.is_unidentified:
            return BadResponse.unidentified(self._where(call), fault)
        status = 0 if call.retry_policy.retry_throttled else fault.status
        error = service_error(
            fault.code, fault.message, where=self._where(call), request_id=response.request_id, status=status
        )
        if self.access.service_label and isinstance(error, AccessDenied):
            label = self.access.service_label
            return error.with_context(hint=f"Check the keys of [[service]] {label} and their permissions.")
        if state.lost and isinstance(error, Conflict):
            return error.with_context(
                hint="The response to an earlier attempt was lost: this call may have made the change. Check before you retry."
            )
        return error

    def _error_of_loss(self, call: Call[T], error: Exception) -> WindlassError:
        code, hint = "ConnectionLost", "Check the network, the proxy and the endpoint."
        if isinstance(error, BrokenResponse):
            code = "BrokenResponse"
        elif isinstance(error, ConnectionLost) and not error.sent:
            code = "EndpointUnreachable"
        elif isinstance(error, ConnectionLost) and error.timed_out:
            code, hint = "ReadTimeout", "Raise estate.read_timeout_s if this repeats."
        return AwsError(f"{self._where(call)}: {error}", hint=hint, code=code)

    def _read(self, call: Call[T], response: Response) -> T:
        try:
            return read_sensibly(call.read, response)
        except BadResponse as error:
            raise error.with_context(prefix=f"{self._where(call)}: ") from None

    def _where(self, call: Call[Any]) -> str:
        of = f" of {self.access.account_id}" if self.access.account_id else ""
        bucket = f" ({call.request.bucket})" if call.request.bucket else ""
        if self.access.service_label:
            return f"{self.access.service} {call.name}{bucket} at {self.access.service_label}"
        return f"{self.access.service} {call.name}{bucket} in {self.access.region}{of}"

    def _note(self, call: Call[T], outcome: str, started: float) -> None:
        if self._observe is not None:
            self._observe(call.name, outcome, time.perf_counter() - started)


def _corrections_of(decision: RetryDecision) -> frozenset[str]:
    pairs = (("keys", decision.renew_keys), ("clock", decision.correct_clock), ("region", bool(decision.region)))
    return frozenset(name for name, did in pairs if did)


def _skew(response: Response) -> float | None:
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return parsedate_to_datetime(response.headers["date"]).timestamp() - time.time()
    return None
