"""However many accounts, regions and services are called, few connections stay open; none is closed under a call."""

import socketserver
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from windlass.estate.config import AccountConfig, EstateConfig
from windlass.estate.open_clients import OpenClients
from windlass.estate.service import open_estate


class Client:
    def __init__(self):
        self.used = self.closed = 0
        self.harmed = False

    def call(self):
        self.used += 1
        closed = self.closed
        for _ in range(50):
            self.harmed = self.harmed or self.closed != closed
        self.used -= 1

    def close(self):
        self.closed += 1
        self.harmed = self.harmed or self.used > 0


def test_the_least_recently_used_client_closes_its_connections():
    clients = [Client() for _ in range(4)]
    opened = OpenClients(limit=3)
    for client in (clients[0], clients[1], clients[0], clients[2], clients[3]):
        with opened.use(client):
            pass
    assert [client.closed for client in clients] == [0, 1, 0, 0]
    assert len(opened) == 3


def test_a_client_in_use_is_never_closed_however_many_there_are():
    outer, others = Client(), [Client() for _ in range(10)]
    opened = OpenClients(limit=1)
    with opened.use(outer):
        for other in others:
            with opened.use(other):
                pass
        assert outer.closed == 0
    with opened.use(others[0]):
        assert outer.closed == 1


def test_threads_never_see_their_client_closed_under_them():
    clients = [Client() for _ in range(12)]
    opened = OpenClients(limit=4)

    def work(seed):
        for step in range(300):
            client = clients[(seed * 7 + step * (seed + 3)) % len(clients)]
            with opened.use(client):
                client.call()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert not any(client.harmed for client in clients)
    assert len(opened) <= 4


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"QueueUrls": []}'
        self.send_response(200)
        for name, text in (
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amzn-requestid", "1"),
            ("content-length", str(len(body))),
        ):
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_an_estate_of_many_scopes_keeps_few_connections_open(monkeypatch):
    """Every scope was a connection kept for ever: the demo's collections held over 900 files open, and still more came."""
    monkeypatch.setattr("windlass.estate.open_clients.OPEN_CLIENTS", 8)
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = EstateConfig(
        endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
        regions=["us-east-1"],
        accounts=[AccountConfig(id="111111111111")],
    )
    regions = [f"xx-test-{number}" for number in range(40)]
    try:
        with open_estate(config, {}) as estate:
            before = open_files()
            for _ in range(2):
                for region in regions:
                    assert estate.call("111111111111", region, "sqs", "ListQueues")["QueueUrls"] == []
            most = 2 * (8 + 1)  # both ends are in this process; the server closes its own a moment later
            deadline = time.monotonic() + 30
            while open_files() - before > most and time.monotonic() < deadline:
                time.sleep(0.01)
            assert open_files() - before <= most
    finally:
        server.shutdown()
        server.server_close()
