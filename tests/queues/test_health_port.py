"""The health port listens where it is told to, on either kind of address."""

import asyncio
import socket

import pytest

from windlass.queues.health import HealthPort


def _has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("listen", "ask"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1"), ("::", "::1"), ("::", "127.0.0.1")],
)
def test_it_answers_on_the_addresses_it_listens_on(listen, ask):
    if ":" in listen and not _has_ipv6():
        pytest.skip("this machine speaks no IPv6")

    async def talk():
        port = HealthPort(alive=lambda: (True, ""), ready=lambda: (False, "stopping"), metrics=lambda: b"")
        await port.start(listen, 0)
        try:
            answers = []
            for path in ("/healthz", "/readyz"):
                reader, writer = await asyncio.open_connection(ask, port.port)
                writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
                answers.append((await reader.read()).split()[1])
                writer.close()
                await writer.wait_closed()
            return answers
        finally:
            await port.stop()

    assert asyncio.run(talk()) == [b"200", b"503"]
