"""Connections that send nothing, trickle, or do not read are dropped, and others are served meanwhile."""

import asyncio
import contextlib
import selectors
import socket
import time

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from tests.console.site import opened_app, served
from windlass.console.protocol import Deadlines, protocol_with

HALF_OPEN = 1200
FAST = {"console.header_timeout_s": 0.5, "console.body_timeout_s": 0.5, "console.idle_timeout_s": 0.5}


def address_of(url):
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def wait_until_closed(sockets, seconds=60):
    """How many the server closed."""
    closed = 0
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for entry in sockets:
            entry.setblocking(False)
            selector.register(entry, selectors.EVENT_READ)
        while closed < len(sockets) and time.monotonic() < deadline:
            for key, _ in selector.select(1):
                with contextlib.suppress(BlockingIOError):
                    try:
                        ended = key.fileobj.recv(65536) == b""
                    except ConnectionError:
                        ended = True
                    if ended:
                        selector.unregister(key.fileobj)
                        closed += 1
    return closed


@pytest.fixture
def enough_files():
    resource = pytest.importorskip("resource", reason="limits of file descriptors are POSIX's")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4 * HALF_OPEN:
        pytest.skip(f"needs {4 * HALF_OPEN} file descriptors, this process may have {hard}")
    if soft < 4 * HALF_OPEN:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4 * HALF_OPEN, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_1200_half_open_connections_are_dropped_while_others_are_served(tmp_path, enough_files):
    with opened_app(tmp_path, **FAST) as app, served(app) as url, contextlib.ExitStack() as stack:
        sockets = []
        for number in range(HALF_OPEN):
            one = stack.enter_context(socket.create_connection(address_of(url), timeout=20))
            if number % 3:
                one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" if number % 3 == 1 else b"G")
            sockets.append(one)
        assert httpx.get(f"{url}/healthz", timeout=20).status_code == 200
        assert wait_until_closed(sockets) == HALF_OPEN


@pytest.mark.parametrize(
    "trickle",
    [
        [b"GET /healthz HTTP/1.1\r\n", *[b"x-a: 1\r\n"] * 400],
        [
            b"POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n\r\n",
            *[b"a"] * 400,
        ],
        [b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\n", *[b"x-a: 1\r\n"] * 400],
        # refused before its body came, which then goes on coming
        [b"POST /x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 4000\r\n\r\n", *[b"a"] * 400],
    ],
    ids=["head", "body", "second request", "refused"],
)
def test_bytes_that_trickle_in_do_not_keep_a_connection(tmp_path, trickle):
    with (
        opened_app(tmp_path, **FAST) as app,
        served(app) as url,
        socket.create_connection(address_of(url), timeout=20) as client,
    ):
        sent = 0
        with contextlib.suppress(ConnectionError):
            for part in trickle:
                client.sendall(part)
                sent += 1
                time.sleep(0.02)
        assert sent < len(trickle), "the server must have closed it long before the end"


def test_a_connection_whose_refused_request_was_read_to_its_end_is_closed_when_idle(tmp_path):
    with (
        opened_app(tmp_path, **FAST) as app,
        served(app) as url,
        socket.create_connection(address_of(url), timeout=20) as client,
    ):
        client.sendall(b"POST /x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 4\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 403")
        client.sendall(b"abcd")
        assert wait_until_closed([client]) == 1


async def _large(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(64):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": number < 63})


async def _stalled_client():
    deadlines = Deadlines(header_s=30, body_s=30, idle_s=30, stall_s=0.3)
    config = uvicorn.Config(_large, http=protocol_with(deadlines), lifespan="off", log_level="warning")
    config.load()
    state, loop = ServerState(), asyncio.get_running_loop()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # else the kernel takes the whole answer
    listener.bind(("127.0.0.1", 0))
    server = await loop.create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}), sock=listener
    )
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, listener.getsockname())
        await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(20):
            while not state.tasks:
                await asyncio.sleep(0.01)
            while state.connections or state.tasks:
                await asyncio.sleep(0.01)
    server.close()


def test_a_client_that_does_not_read_is_dropped_and_its_answer_ends():
    asyncio.run(_stalled_client())


def test_a_stream_longer_than_every_deadline_continues(tmp_path):
    with (
        opened_app(tmp_path, **FAST) as app,
        served(app) as url,
        httpx.stream("GET", f"{url}/live", timeout=20) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "event: changed"
        time.sleep(1.2)
        app.jobs.create("copy", "copy things")
        assert any(line == "event: changed" for line in lines)
