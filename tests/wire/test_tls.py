"""TLS of our own between a socket and a connection, without a socket: bytes are cut anywhere, and nobody unverified is spoken to."""

import asyncio
import ssl

import pytest

from windlass.wire.pool import tls_context
from windlass.wire.tls import TlsTransport

SAID = b"".join(b"%d " % at for at in range(20_000))  # several records


class Plain(asyncio.Protocol):
    """What the connection would be."""

    def __init__(self):
        self.got, self.lost, self.transport, self.said_goodbye = b"", [], None, False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.got += data

    def eof_received(self):
        self.said_goodbye = True

    def connection_lost(self, exc):
        self.lost.append(exc)


class Wire(asyncio.Transport):
    """The socket's transport: what is written goes to the server, an OpenSSL in memory."""

    def __init__(self, context):
        super().__init__()
        self._in, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = context.wrap_bio(self._in, self.out, server_side=True)
        self.handshake_done = self.aborted = False
        self.alert = None
        self.got = b""

    def write(self, data):
        self._in.write(data)
        try:
            if not self.handshake_done:
                self.server.do_handshake()
                self.handshake_done = True
            while True:
                self.got += self.server.read(1 << 16)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.alert = error

    def abort(self):
        self.aborted = True


def met(context, ca_bundle, host="localhost", cut=1 << 20):
    """The two sides after the handshake, the server's bytes fed in pieces of `cut`."""
    loop = asyncio.new_event_loop()
    try:
        plain, wire = Plain(), Wire(context)
        secured = TlsTransport(loop, plain, tls_context(ca_bundle), host)
        secured.connection_made(wire)
        feed(secured, wire, cut)
    finally:
        loop.close()
    return plain, wire, secured


def feed(secured, wire, cut):
    while wire.out.pending:
        secured.data_received(wire.out.read(cut))


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 100, 16_383, 1 << 20])
def test_what_is_said_arrives_whole_however_it_is_cut(certificates, cut):
    ca, contexts = certificates
    plain, wire, secured = met(contexts["good"], ca, cut=cut)
    assert secured.handshake_done.result() is None
    assert plain.transport is secured
    for said in (b"a", SAID, b"", b"end"):
        before = len(plain.got)
        wire.server.write(said)
        feed(secured, wire, cut)
        assert plain.got[before:] == said, "no more bytes have to come before it is heard"
    secured.write(SAID)
    secured.write(memoryview(b"more"))
    assert wire.got == SAID + b"more"
    assert plain.lost == []


def test_many_records_at_once_are_all_read(certificates):
    ca, contexts = certificates
    plain, wire, secured = met(contexts["good"], ca)
    for at in range(50):
        wire.server.write(b"%d " % at)
    secured.data_received(wire.out.read())
    assert plain.got.split() == [b"%d" % at for at in range(50)]


@pytest.mark.parametrize(
    ("name", "trusted", "host"),
    [
        ("good", False, "localhost"),
        ("other", True, "localhost"),
        ("wrong", True, "localhost"),
        ("good", True, "example.org"),
    ],
)
def test_who_can_not_be_trusted_is_not_spoken_to(certificates, name, trusted, host):
    ca, contexts = certificates
    plain, wire, secured = met(contexts[name], ca if trusted else "", host)
    assert isinstance(secured.handshake_done.exception(), ssl.SSLCertVerificationError)
    assert (plain.transport, wire.got, wire.aborted) == (None, b"", True)
    assert "alert" in str(wire.alert).lower(), "the server is told why"
    secured.write(b"secret")
    assert wire.got == b""


def test_a_goodbye_is_an_end_and_nonsense_or_silence_a_loss(certificates):
    ca, contexts = certificates
    plain, wire, secured = met(contexts["good"], ca)
    wire.server.write(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        wire.server.unwrap()
    feed(secured, wire, 1 << 20)
    assert (plain.got, plain.said_goodbye, plain.lost, wire.aborted) == (b"last", True, [None], True)

    plain, wire, secured = met(contexts["good"], ca)
    secured.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert isinstance(plain.lost[0], ssl.SSLError)
    assert wire.aborted

    plain, wire, secured = met(contexts["good"], ca)
    secured.eof_received()
    secured.connection_lost(None)
    assert isinstance(plain.lost[0], ConnectionAbortedError)
    assert not plain.said_goodbye, "who cuts the line could end a body early"
    secured.connection_lost(None)
    assert len(plain.lost) == 1


def test_a_socket_that_ends_in_the_handshake_fails_it(certificates):
    _, contexts = certificates
    loop = asyncio.new_event_loop()
    secured = TlsTransport(loop, Plain(), tls_context(""), "localhost")
    secured.connection_made(Wire(contexts["good"]))
    secured.connection_lost(None)
    assert isinstance(secured.handshake_done.exception(), ConnectionAbortedError)
    loop.close()
