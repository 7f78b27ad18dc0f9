"""The endpoints of osquery agents, `POST /v1/osquery/…`: osquery's remote API, authenticated by node keys.

A plain ASGI application beside the API: agents send more requests than all people together, have no session, and their bodies
are larger than a form may be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool

from windlass.app import App
from windlass.core.errors import UsageError, WindlassError
from windlass.osquery.agent_config import AGENT_PATH
from windlass.osquery.agents import ENDPOINTS
from windlass.osquery.messages import parse_body
from windlass.osquery.refusal_log import RefusalLog

__all__ = ["OsqueryEndpoints"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PATHS = {f"{AGENT_PATH}/{name}": name for name in ENDPOINTS}


@dataclass(frozen=True, slots=True)
class _Route:
    """What the request metric names the endpoint."""

    path: str


class _BodyTooLarge(Exception):
    """More bytes arrived than allowed."""


class OsqueryEndpoints:
    """Answers agents. The service is opened with the first request: most consoles have no agents."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._limit = app.settings.osquery.max_body_mb << 20
        self._log = RefusalLog()

    def serves(self, scope: Scope) -> bool:
        """True for a request of an agent."""
        return scope.get("method") == "POST" and scope["path"] in _PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI). `scope["address"]` is the client's address."""
        scope["route"] = _Route(scope["path"])
        name = _PATHS[scope["path"]]
        encoding = dict(scope["headers"]).get(b"content-encoding", b"").decode("latin-1").lower()
        try:
            body = await self._body(receive)
        except _BodyTooLarge:
            await _respond(send, 413, {"error": f"the body is larger than {self._limit:,} bytes"})
            self._log.warning(
                "osquery.body_refused",
                endpoint=name,
                address=scope["address"],
                error=f"the body is larger than {self._limit:,} bytes",
                hint="Raise osquery.max_body_mb. The agent sends these results again until they are accepted.",
            )
            return
        status, answer = await run_in_threadpool(self._answer, name, body, encoding, scope["address"])
        await _respond(send, status, answer)

    def _answer(self, name: str, body: bytes, encoding: str, address: str) -> tuple[int, Any]:
        try:
            request = parse_body(body, encoding=encoding, limit=self._limit)
            return 200, ENDPOINTS[name](self._app.osquery.agents, request, address)
        except UsageError as error:
            self._log.warning(
                "osquery.body_refused", endpoint=name, address=address, error=error.message, hint=error.hint
            )
            return 413 if error.code == "BodyTooLarge" else 400, {"error": error.message}
        except WindlassError as error:
            # Not node_invalid: the agent keeps its results and sends them again.
            self._log.warning("osquery.request_failed", endpoint=name, address=address, error=error.message)
            return 503, {"error": "the server could not store this request; send it again"}

    async def _body(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            part = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                raise _BodyTooLarge
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)


async def _respond(send: Send, status: int, answer: Any) -> None:
    body = orjson.dumps(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
