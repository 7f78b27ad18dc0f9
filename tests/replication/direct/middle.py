"""A service between the engine and the embedded AWS, which does to answers what other services and bad lines do to them."""

import contextlib
import http.client
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

__all__ = ["Asked", "Middle", "Said", "middle"]


@dataclass
class Asked:
    """A request on its way; a play may change its headers (by lower-case name)."""

    method: str
    path: str
    headers: dict
    body: bytes


@dataclass
class Said:
    """An answer on its way back. `sent` bytes of the body are sent (all when None) before the connection is closed."""

    status: int
    headers: dict
    body: bytes
    sent: int | None = None


@dataclass
class Middle:
    """`url`; `before(asked)` and `after(asked, said)` see what goes by; `seen` is (method, path, status)."""

    url: str
    before: object = lambda asked: None
    after: object = lambda asked, said: None
    seen: list = field(default_factory=list)

    def count(self, method, part=""):
        return sum(one == method and part in path for one, path, _ in self.seen)


@contextlib.contextmanager
def middle(upstream):
    """One in front of `upstream`."""
    there = urlsplit(upstream)
    made = Middle("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self):
            with contextlib.suppress(ConnectionError):
                super().handle()

        def go(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            request = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            made.before(request)
            connection = http.client.HTTPConnection(there.hostname, there.port, timeout=30)
            try:
                connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
                for name, value in request.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(request.body or None)
                answer = connection.getresponse()
                message = Said(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
            finally:
                connection.close()
            if request.method != "HEAD":
                message.headers["content-length"] = str(len(message.body))
            for name in ("transfer-encoding", "connection"):
                message.headers.pop(name, None)
            made.after(request, message)
            made.seen.append((request.method, request.path, message.status))
            self.send_response_only(message.status)
            for name, value in message.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if request.method != "HEAD":
                self.wfile.write(message.body if message.sent is None else message.body[: message.sent])
            if message.sent is not None:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = go  # noqa: N815  http.server's names

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
