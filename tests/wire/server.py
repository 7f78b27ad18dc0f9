"""A raw server whose every byte the test decides, certificates of its own, and a loop to run it in."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import struct
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from windlass.core.access import Access, Keys
from windlass.core.secret import Secret

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN//////////"
KEYS = Keys("AKIAIOSFODNN7EXAMPLE", Secret(SECRET), Secret(TOKEN))

CLOSE = "close"  # say nothing, end the connection
RESET = "reset"  # say nothing, break the connection
HANG = "hang"  # say nothing


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass
class Conversation:
    """One connection, as the server sees it."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self):
        """The next request; None when the client has gone."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Asked(method, target, headers, body, self.number)

    async def say(self, data: bytes):
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    def end(self, *, hard=False):
        if hard:
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        self.writer.close()


@dataclass
class Server:
    """`port`, and what was asked of it; `open_now` and `most` count connections."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    open_now: int = 0
    most: int = 0
    connections: int = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def serve(play, *, tls=None):
    """A server; each connection is `await play(conversation)`, and closed when that returns."""
    server = Server()
    tasks = set()

    async def met(reader, writer):
        tasks.add(asyncio.current_task())
        server.connections += 1
        server.open_now += 1
        server.most = max(server.most, server.open_now)
        conversation = Conversation(server.connections, reader, writer)
        ask = conversation.request

        async def request():
            found = await ask()
            if found is not None:
                server.asked.append(found)
            return found

        conversation.request = request
        try:
            await play(conversation)
        except (
            ConnectionError,
            RuntimeError,
            asyncio.IncompleteReadError,
            asyncio.CancelledError,
        ):  # uvloop says RuntimeError
            pass
        finally:
            server.open_now -= 1
            writer.close()
            tasks.discard(asyncio.current_task())

    listening = await asyncio.start_server(met, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listening.wait_closed(), 2)


def script(*steps):
    """A play: each request, on whatever connection, gets the next step; CLOSE, RESET and HANG say nothing.

    A tuple is said piece by piece, and may end with CLOSE or RESET.
    """
    left = list(steps)

    async def play(conversation):
        while await conversation.request() is not None:
            step = left.pop(0) if left else answer(500, b"the script has ended")
            for piece in step if isinstance(step, tuple) else (step,):
                if piece in (CLOSE, RESET):
                    conversation.end(hard=piece == RESET)
                    return
                if piece == HANG:
                    await asyncio.sleep(3600)
                await conversation.say(piece)

    return play


def answer(status=200, body=b"", *, request_id="R", **headers):
    """A plain answer with a Content-Length and, as every answer of AWS, a request id (none when it is empty)."""
    marks = {"x-amz-request-id": request_id} if request_id else {}
    lines = {"content-length": len(body)} | marks | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body


def error(status, code, message="said", **headers):
    """An S3 error document."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return answer(status, body, **headers)


def access(url, **more):
    """A way to `url`: S3 with the bucket in the path, unless said otherwise."""
    given = {
        "service": "s3",
        "region": "us-east-1",
        "keys": lambda: KEYS,
        "path_style": True,
        "account_id": "111111111111",
        "connect_timeout_s": 3.0,
        "read_timeout_s": 5.0,
        "max_connections": 8,
    }
    return Access(endpoint_url=url, **(given | more))


def make_certificates(folder):
    """A CA's certificate, and server contexts for localhost: `good` signed by it, `other` by nobody, `wrong` for another host."""
    authority, key = _certificate("Test CA")
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    contexts = {}
    for name, host, issuer in (
        ("good", "localhost", (authority, key)),
        ("other", "localhost", None),
        ("wrong", "example.org", (authority, key)),
    ):
        made, its_key = _certificate(host, issuer=issuer, host=host)
        pem = folder / f"{name}.pem"
        pem.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + its_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(pem)
    return str(folder / "ca.pem"), contexts


def _certificate(title, *, issuer=None, host=None):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    signer, signing_key = issuer or (None, key)
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer.subject if signer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host:
        alternatives = [x509.DNSName(host)] + (
            [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] if host == "localhost" else []
        )
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(signing_key, hashes.SHA256()), key
