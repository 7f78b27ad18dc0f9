"""The consumer's health port: `/healthz` (loop and handlers run), `/readyz` (the queue answers), `/metrics`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson

from windlass.core.errors import ConfigError

__all__ = ["HealthPort", "Report"]

Report = Callable[[], tuple[bool, str]]
"""A check: (healthy, reason when it is not)."""


class HealthPort:
    """An ASGI application with three paths, served by uvicorn on the consumer's own loop: if the loop hangs, the probe fails."""

    def __init__(self, *, alive: Report, ready: Report, metrics: Callable[[], bytes]) -> None:
        self._paths: dict[str, Callable[[], tuple[int, bytes, bytes]]] = {
            "/healthz": lambda: _response_of(alive()),
            "/readyz": lambda: _response_of(ready()),
            "/metrics": lambda: (200, metrics(), b"text/plain; version=0.0.4; charset=utf-8"),
        }
        self._task: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen (on `::` for IPv4, too). Raises ConfigError when the port is not available."""
        import socket

        import uvicorn

        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
        except OSError as error:
            raise ConfigError(
                f"health port {port} is not available: {error.strerror}", hint="Choose another --health-port."
            ) from None
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app, lifespan="off", log_level="warning", access_log=False, ws="none", interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._serve(listener))

    async def _serve(self, listener: Any) -> None:
        # uvicorn's own signal handlers would take SIGTERM from the consumer.
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[listener])
        await self._server.main_loop()
        await self._server.shutdown(sockets=[listener])

    async def stop(self) -> None:
        """Close the port."""
        if self._task is not None:
            self._server.should_exit = True
            await asyncio.wait([self._task], timeout=2)
            self._task.cancel()

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002  ASGI's signature
        page = self._paths.get(scope.get("path", ""))
        status, body, kind = page() if page is not None else (404, b"not found\n", b"text/plain")
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _response_of(report: tuple[bool, str]) -> tuple[int, bytes, bytes]:
    well, why = report
    body = orjson.dumps({"ok": well, "detail": why, "at": round(time.time(), 3)}) + b"\n"
    return (200 if well else 503), body, b"application/json"
