"""The one port: each call is read, logged, perhaps made to fail, and answered by its service's own handler or by moto."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from windlass_local.admin import PREFIX, Admin, Page
from windlass_local.call_log import CallLog
from windlass_local.dispatch import UnknownService
from windlass_local.envelope import enveloped
from windlass_local.errors import error_response
from windlass_local.faults import Drop, FaultEffect, Faults, Hang
from windlass_local.request import Native, Request, Response, read_request
from windlass_local.rest_routes import rest_operation
from windlass_local.wsgi import Application, call_wsgi
from windlass_local.xml import XML_SERVICES, declares_entities

__all__ = ["Gateway"]

_THREADS = 16
_HANG_S = 600.0
_POLL_INTERVAL_S = 0.25
_RESET = "/moto-api/reset"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Gateway:
    """The ASGI application of the embedded AWS."""

    def __init__(
        self,
        moto: Application,
        natives: Mapping[str, Native],
        account_of: Callable[[str], str],
        pages: Mapping[str, Page],
        faults: Faults,
        watch: Callable[[Request, Response], None] = lambda *_: None,
        page_headers: Callable[[Request], Mapping[str, str]] = lambda _: {},
        verify: Callable[[Request], Response | None] = lambda _: None,
    ) -> None:
        self.calls = CallLog()
        self._watch = watch
        self._page_headers = page_headers
        self._verify = verify
        self.faults = faults
        self._admin = Admin(self.calls, self.faults, pages)
        self._moto = moto
        self._natives = natives
        self._account_of = account_of
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="moto")
        self._closing = threading.Event()

    def drop_waiting_calls(self) -> None:
        """Drop the calls that hang by order; from any thread, before the server stops and would wait for them."""
        self._closing.set()

    def close(self) -> None:
        """Give the threads back."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        body = await _read_body(receive)
        if body is None:
            return
        headers = _headers(scope)
        request = read_request(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            account_of=self._account_of,
            rest_operation=rest_operation,
        )
        refusal = self._verify(request) or _xml_refusal(request)
        if refusal is not None:
            await _send(send, refusal, head=request.method == "HEAD")
            return
        if request.path.startswith(PREFIX):
            await _send(send, self._admin.answer(request), head=False)
            return
        response = await self._answer(request, headers.get("host", "127.0.0.1"))
        if not _is_control(request):
            self.calls.add(request, response.status if isinstance(response, Response) else 0, started)
        if isinstance(response, Response):
            response = self._finished(request, response)
            await _send(send, response, head=request.method == "HEAD")
            return
        if isinstance(response, Hang):
            await self._until_gone(receive)
        await _hang_up(send, receive)

    def _finished(self, request: Request, response: Response) -> Response:
        """Notify the watcher of a response, and return it with the CORS headers that the page behind the request needs."""
        if response.status < 300:
            self.faults.note(request, time.monotonic())
        if "origin" in request.headers:
            response = replace(response, headers=(*response.headers, *self._page_headers(request).items()))
        self._watch(request, response)
        if request.path == _RESET and response.status == 200:
            self._reset()
        return response

    def _reset(self) -> None:
        """Clear the log and restore the faults of the start: moto has emptied every service."""
        self.calls.clear()
        self.faults.reset()

    async def _until_gone(self, receive: Receive) -> None:
        """Wait until the client gives up, for ten minutes at most, or until the server is to stop."""
        deadline = time.monotonic() + _HANG_S
        while time.monotonic() < deadline and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_INTERVAL_S):
                    if (await receive())["type"] == "http.disconnect":
                        return

    async def _answer(self, request: Request, host: str) -> Response | Drop | Hang:
        effect = FaultEffect() if _is_control(request) else self.faults.decide(request, time.monotonic())
        if effect.delay_s:
            await asyncio.sleep(effect.delay_s)
        if effect.outcome is not None:
            return effect.outcome
        native = self._natives.get(request.service)
        try:
            result = native(request) if native else None
            if inspect.isawaitable(result):
                result = await result
        except Exception:  # noqa: BLE001  one broken call must not end the server; the log has it
            traceback.print_exc()
            return error_response(request, 500, "InternalError", "The embedded AWS failed; its log has the traceback.")
        if result is not None:
            return result
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask_moto, request, host)

    def _ask_moto(self, request: Request, host: str) -> Response:
        try:
            response = call_wsgi(self._moto, request, host)
        except (NotImplementedError, UnknownService):
            return self._unknown(request)
        except KeyError as error:
            if error.args == (request.region,):  # moto raises this when a service is not in a region
                message = f"{request.service} is not available in {request.region}"
                return error_response(request, 400, "UnsupportedOperation", message)
            traceback.print_exc()
            return error_response(request, 500, "InternalError", f"moto failed: KeyError: {error}")
        except Exception as error:  # noqa: BLE001  moto raises anything
            traceback.print_exc()
            return error_response(request, 500, "InternalError", f"moto failed: {type(error).__name__}: {error}")
        content_type = next((value for name, value in response.headers if name.lower() == "content-type"), "")
        is_page = content_type.startswith("text/html") and b"<title>" in response.body[:400]
        if is_page and response.status in (404, 405, 500) and not request.path.startswith("/moto-api"):
            return self._unknown(request)
        stored = tuple(field for field in response.headers if not field[0].lower().startswith("access-control-"))
        response = replace(response, headers=stored)
        return enveloped(request, response) if request.service else response

    def _unknown(self, request: Request) -> Response:
        what = f"{request.service or 'this service'} {request.operation or request.method + ' ' + request.path}"
        return error_response(request, 501, "NotImplemented", f"The embedded AWS does not implement {what}.")


def _xml_refusal(request: Request) -> Response | None:
    """Refuse an XML document with a DTD, before our parser or moto's reads it."""
    if not request.body or request.service not in XML_SERVICES or request.operation in ("PutObject", "UploadPart"):
        return None
    is_form = request.headers.get("content-type", "").startswith("multipart/form-data")
    if is_form or not declares_entities(request.body):
        return None
    message = "The XML you provided declares a document type or entities, which are refused."
    return error_response(request, 400, "MalformedXML", message)


def _is_control(request: Request) -> bool:
    """True for a call of moto itself, such as its reset: faults do not apply to it, and it is not logged."""
    return not request.service and request.path.startswith("/moto-api")


async def _hang_up(send: Send, receive: Receive) -> None:
    """Drop the connection. ASGI has no word for it; uvicorn's `send` knows its transport."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        return
    transport.abort()
    # uvicorn answers 500 when an application returns without a response, unless it knows that the client disconnected.
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_body(receive: Receive) -> bytes | None:
    """Return the full body; None when the client disconnected before the end, because it will repeat the call."""
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1")
        headers[name] = f"{headers[name]},{value.decode('latin-1')}" if name in headers else value.decode("latin-1")
    return headers


async def _send(send: Send, response: Response, *, head: bool) -> None:
    headers = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1", "replace"))
        for name, value in response.headers
        if name.lower() not in ("transfer-encoding", "connection") and (head or name.lower() != "content-length")
    ]
    if not head:
        headers.append((b"content-length", b"%d" % len(response.body)))
    elif not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else response.body})
