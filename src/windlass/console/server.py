"""The console's HTTP server: uvicorn in the foreground until a signal. Refuses a bind address on which no user could log in."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

from windlass.api.auth import check_bind
from windlass.api.tokens import count_tokens
from windlass.app import App
from windlass.console.application import create_app
from windlass.console.protocol import deadlines_of, protocol_with
from windlass.core import clock
from windlass.core.errors import ConfigError
from windlass.settings.console import ConsoleConfig

__all__ = ["serve"]

STOP_POLL_S = 0.2


def serve(
    app: App,
    *,
    host: str,
    port: int,
    ready: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or `stop`; a signal sets `stop`, too. ConfigError for a bind that is refused or in use."""
    console = app.settings.console
    logins = bool(app.settings.oidc.issuer) or count_tokens(app.store, now=clock.now()) > 0
    check_bind(host, logins=logins, required=None if console.require_login == "auto" else console.require_login)
    _check_tls(console)
    listener = _listen(host, port)
    with listener:
        url_host = f"[{host}]" if ":" in host else host
        scheme = "https" if console.tls_certificate else "http"
        url = f"{scheme}://{url_host}:{listener.getsockname()[1]}"
        asyncio.run(_serve(app, host, listener, url, ready or _print_url, stop))


def _print_url(url: str) -> None:
    print(f"Console: {url} (stop it with Ctrl-C)", file=sys.stderr, flush=True)


def _check_tls(console: ConsoleConfig) -> None:
    """Raise ConfigError when the certificate or its key cannot be used, before anything is served."""
    if not console.tls_certificate:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            console.tls_certificate, console.tls_key, password=_no_password
        )
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise ConfigError(
            f"the certificate {console.tls_certificate} with the key {console.tls_key} cannot be used: {error}",
            hint="console.tls_certificate and console.tls_key name PEM files that belong together; the key has no password.",
        ) from None


def _no_password() -> str:
    raise ValueError("the key has a password")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"the console cannot listen on {host} port {port}: {error.strerror}",
            hint="Choose another --port (0 takes a free one) or --host.",
        ) from None
    return listener


async def _serve(
    app: App, host: str, listener: socket.socket, url: str, ready: Callable[[str], None], stop: threading.Event | None
) -> None:
    site = create_app(app, host=host)
    stopping = asyncio.Event()
    site.inner.state.stopping = stopping
    deadlines = deadlines_of(app.settings.console)
    # proxy_headers off: the middleware decides which X-Forwarded-For is trusted, and needs the address of the peer.
    config = uvicorn.Config(
        site,
        http=protocol_with(deadlines),
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=app.settings.console.tls_certificate or None,
        ssl_keyfile=app.settings.console.tls_key or None,
        timeout_keep_alive=deadlines.idle_s,  # type: ignore[arg-type]  # the event loop accepts fractions
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(_run(server, listener))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    loop = asyncio.get_running_loop()

    def halt(*_: Any) -> None:
        stopping.set()  # streams end first, because uvicorn waits for open responses
        server.should_exit = True
        if stop is not None:
            stop.set()  # threads beside the server start to stop now, not when the last response has ended

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, halt)
    if server.started:
        ready(url)
    while stop is not None and not task.done():
        if stop.is_set():
            halt()
        await asyncio.sleep(STOP_POLL_S)
    await task


async def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    # `server.serve` would install its own signal handlers and raise the signals again at the end.
    with contextlib.suppress(asyncio.CancelledError):
        await server._serve([listener])  # noqa: SLF001  uvicorn has no public entry point without its signal handlers
