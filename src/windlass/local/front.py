"""The one port: every call is read, counted, perhaps made to fail, and answered by its service's own door or by moto."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from windlass.local.calls import CallLog
from windlass.local.dispatch import UnknownService
from windlass.local.errors import error_response
from windlass.local.faults import Drop, Faults, Hang
from windlass.local.request import DEFAULT_ACCOUNT, Native, Request, Response, read_request
from windlass.local.wsgi import Application, call_wsgi

__all__ = ["Front"]

_THREADS = 16
_HANG_S = 600.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Front:
    """The ASGI application of the embedded AWS."""

    def __init__(
        self,
        moto: Application,
        natives: Mapping[str, Native],
        account_of: Callable[[str], str],
        admin: Mapping[str, Any],
    ) -> None:
        self.calls = CallLog()
        self.faults = Faults()
        self._moto = moto
        self._natives = natives
        self._account_of = account_of
        self._admin_routes = admin
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="moto")
        self._started = time.monotonic()

    def close(self) -> None:
        """Give the threads back."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        body = await _read_body(receive)
        headers = _headers(scope)
        request = read_request(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            account_of=self._account_of,
        )
        host = headers.get("host", "127.0.0.1")
        if request.path.startswith("/_windlass/"):
            await _send(send, self._administer(request), head=False)
            return
        answer = await self._answer(request, host)
        self.calls.add(request, answer.status if answer else 0, started)
        if answer is None:
            _hang_up(send)
        else:
            await _send(send, answer, head=request.method == "HEAD")

    async def _answer(self, request: Request, host: str) -> Response | None:
        effect = self.faults.decide(request, time.monotonic())
        if effect.delay_s:
            await asyncio.sleep(effect.delay_s)
        if isinstance(effect.outcome, Drop):
            return None
        if isinstance(effect.outcome, Hang):
            await asyncio.sleep(_HANG_S)
            return None
        if effect.outcome is not None:
            return effect.outcome
        native = self._natives.get(request.service)
        try:
            found = native(request) if native else None
            if inspect.isawaitable(found):
                found = await found
        except Exception:  # noqa: BLE001  one broken call must not end the server; the log has it
            traceback.print_exc()
            return error_response(request, 500, "InternalError", "the embedded AWS failed; its log has the traceback")
        if found is not None:
            return found
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask_moto, request, host)

    def _ask_moto(self, request: Request, host: str) -> Response:
        try:
            answer = call_wsgi(self._moto, request, host)
        except (NotImplementedError, UnknownService):
            return self._unknown(request)
        except KeyError as error:
            if error.args == (request.region,):  # moto's way to say that a service is not in a region
                message = f"{request.service} is not available in {request.region}"
                return error_response(request, 400, "UnsupportedOperation", message)
            traceback.print_exc()
            return error_response(request, 500, "InternalError", f"moto failed: KeyError: {error}")
        except Exception as error:  # noqa: BLE001  moto raises anything
            traceback.print_exc()
            return error_response(request, 500, "InternalError", f"moto failed: {type(error).__name__}: {error}")
        content_type = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
        is_page = content_type.startswith("text/html") and b"<title>" in answer.body[:400]
        if is_page and answer.status in (404, 405, 500) and not request.path.startswith("/moto-api"):
            return self._unknown(request)
        return answer

    def _unknown(self, request: Request) -> Response:
        what = f"{request.service or 'this service'} {request.operation or request.method + ' ' + request.path}"
        return error_response(request, 501, "NotImplemented", f"the embedded AWS does not know {what}")

    def _administer(self, request: Request) -> Response:
        path, query = request.path, dict(parse_qsl(request.query))
        if path == "/_windlass/status":
            return _json(self._status())
        if path == "/_windlass/calls":
            if request.method == "DELETE":
                self.calls.clear()
                return _json({})
            return _json({"calls": self.calls.find(query), "total": self.calls.total})
        if path == "/_windlass/faults":
            if request.method == "PUT":
                try:
                    self.faults.load(json.loads(request.body))
                except (ValueError, TypeError, KeyError) as error:
                    return _json({"error": f"not a list of fault rules: {error}"}, 400)
            elif request.method == "DELETE":
                self.faults.load([])
            return _json({"rules": self.faults.dump()})
        for prefix, route in self._admin_routes.items():
            if path.startswith(prefix):
                found = route(path.removeprefix(prefix))
                return _json(found, 200 if found is not None else 404)
        return _json({"error": f"no such page: {path}"}, 404)

    def _status(self) -> dict[str, Any]:
        return {
            "uptime_s": round(time.monotonic() - self._started, 3),
            "calls": self.calls.total,
            "calls_by_service": self.calls.by_service(),
            "rss_bytes": _rss_bytes(),
            "pid": os.getpid(),
            "default_account": DEFAULT_ACCOUNT,
        }


def _hang_up(send: Send) -> None:
    """Drop the connection. ASGI has no word for it; uvicorn's `send` knows its transport."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


async def _read_body(receive: Receive) -> bytes:
    message = await receive()
    first: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return first
    parts = [first]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1")
        headers[name] = f"{headers[name]},{value.decode('latin-1')}" if name in headers else value.decode("latin-1")
    return headers


async def _send(send: Send, answer: Response, *, head: bool) -> None:
    headers = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1", "replace"))
        for name, value in answer.headers
        if name.lower() not in ("transfer-encoding", "connection") and (head or name.lower() != "content-length")
    ]
    if not head:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    elif not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


def _json(value: Any, status: int = 200) -> Response:
    body = json.dumps(value, default=str).encode()
    return Response(status=status, headers=(("content-type", "application/json"),), body=body)


def _rss_bytes() -> int:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)
