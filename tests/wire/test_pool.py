"""Connections are bounded, shared fairly and never lost; TLS is verified; proxies are honoured or refused with the reason."""

import asyncio
import base64
import contextlib
import random
import socket
import ssl

import pytest

from tests.wire.server import CLOSE, RESET, answer, script, serve
from windlass.core.errors import ConfigError
from windlass.wire.connection import shared_buffer
from windlass.wire.errors import ConnectionLost
from windlass.wire.pool import Pool, read_endpoint, tls_context

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def pool_to(url, *, size=4, **more):
    return Pool(
        asyncio.get_running_loop(),
        read_endpoint(url),
        shared_buffer(),
        size=size,
        **({"connect_timeout_s": 5.0} | more),
    )


async def exchange(pool, request=REQUEST):
    connection = pool.take() or await pool.get()
    return await connection.send(request, b"", head_only=False, limit=1000, timeout_s=5)


async def echo(conversation):
    while await conversation.request() is not None:
        await conversation.say(answer(200, b"ok"))


@contextlib.asynccontextmanager
async def closing(pool):
    try:
        yield pool
    finally:
        pool.close()
        await asyncio.sleep(0)


def test_one_connection_serves_many_requests(run):
    async def main():
        async with serve(echo) as server, closing(pool_to(server.url)) as pool:
            for _ in range(20):
                assert (await exchange(pool)).body == b"ok"
            return pool.opened, server.connections

    assert run(main()) == (1, 1)


def test_a_hundred_callers_share_three_connections(run):
    async def main():
        async with serve(echo) as server, closing(pool_to(server.url, size=3)) as pool:
            answers = await asyncio.gather(*(exchange(pool) for _ in range(100)))
            assert [each.status for each in answers] == [200] * 100
            return pool.opened, server.most

    assert run(main()) == (3, 3)


def test_who_waits_longest_is_served_first(run):
    async def main():
        order = []

        async def call(number):
            await exchange(pool)
            order.append(number)

        async with serve(echo) as server, closing(pool_to(server.url, size=1)) as pool:
            await asyncio.gather(*(call(number) for number in range(30)))
        return order

    assert run(main()) == list(range(30))


def test_a_new_caller_does_not_overtake_when_connections_end(run):
    """Each answer ends its connection: the slot goes to the one who waits, not to whoever calls next."""

    async def play(conversation):
        await conversation.request()
        await conversation.say(answer(200, b"", connection="close"))

    async def main():
        order = []

        async def call(number):
            await exchange(pool)
            order.append(number)

        async with serve(play) as server, closing(pool_to(server.url, size=1)) as pool:
            tasks = []
            for number in range(20):
                tasks.append(asyncio.create_task(call(number)))
                await asyncio.sleep(0)
            await asyncio.gather(*tasks)
        return order, server.connections, pool._slots

    assert run(main()) == (list(range(20)), 20, 0)


def test_an_idle_connection_that_the_server_closed_is_not_used(run):
    async def play(conversation):
        await conversation.request()
        await conversation.say(answer(200, b"ok"))

    async def main():
        async with serve(play) as server, closing(pool_to(server.url)) as pool:
            for _ in range(3):
                await exchange(pool)
                while any(not entry.closed for entry in pool._idle):
                    await asyncio.sleep(0.001)
            return server.connections, pool._slots

    assert run(main()) == (3, 0)


def test_connections_that_idled_long_are_dropped(run, monkeypatch):
    async def main():
        async with serve(echo) as server, closing(pool_to(server.url)) as pool:
            await asyncio.gather(exchange(pool), exchange(pool))
            assert len(pool._idle) == 2
            for entry in pool._idle:
                entry.idle_since -= 21
            await exchange(pool)
            return pool.opened, pool._slots

    assert run(main()) == (3, 1)


def test_a_slot_promised_to_a_cancelled_waiter_goes_on(run):
    """The lost wake-up: the waiter that was given the slot is cancelled before it runs."""

    async def main():
        async with serve(echo) as server, closing(pool_to(server.url, size=1)) as pool:
            held = await pool.get()
            first, second = asyncio.create_task(exchange(pool)), asyncio.create_task(exchange(pool))
            await asyncio.sleep(0)
            held.close()
            first.cancel()
            async with asyncio.timeout(5):
                assert (await second).status == 200
            with pytest.raises(asyncio.CancelledError):
                await first
            held = await pool.get()
            third, fourth = asyncio.create_task(exchange(pool)), asyncio.create_task(exchange(pool))
            await asyncio.sleep(0)
            pool.give_back(held)
            third.cancel()
            async with asyncio.timeout(5):
                assert (await fourth).status == 200
            return pool._slots

    assert run(main()) == 1


@pytest.mark.parametrize("seed", range(12))
def test_random_schedules_lose_no_slot_and_no_caller(run, seed):
    """Callers that are cancelled anywhere, connections that end anyhow: the others are answered, and nothing leaks."""
    chance = random.Random(seed)

    async def play(conversation):
        while await conversation.request() is not None:
            fate = chance.random()
            if fate < 0.1:
                return conversation.end(hard=fate < 0.05)
            await asyncio.sleep(0)
            await conversation.say(answer(200, b"ok", **({"connection": "close"} if fate < 0.3 else {})))
            if fate > 0.95:
                return None
        return None

    async def call(pool):
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)
        connection = pool.take() or await pool.get()
        answer = connection.send(REQUEST, b"", head_only=False, limit=1000, timeout_s=5)
        try:
            await answer
        except asyncio.CancelledError:
            connection.close()
            raise

    async def main():
        size = chance.randrange(1, 4)
        async with serve(play) as server, closing(pool_to(server.url, size=size)) as pool:
            tasks = [asyncio.create_task(call(pool)) for _ in range(60)]
            for task in tasks:
                if chance.random() < 0.4:
                    for _ in range(chance.randrange(4)):
                        await asyncio.sleep(0)
                    task.cancel()
            async with asyncio.timeout(20):
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(each) for each in ended} <= {type(None), ConnectionLost, asyncio.CancelledError}
            assert pool._slots == len(pool._all) <= size
            assert not [waiter for waiter in pool._waiters if not waiter.done()]
            pool.close()
            assert (pool._slots, len(pool._all)) == (0, 0)
            return server.most

    assert run(main()) <= 3 + 60  # closed ones may not have been noticed by the server yet


def test_a_closed_pool_opens_nothing(run):
    async def main():
        async with serve(echo) as server, closing(pool_to(server.url, size=1)) as pool:
            await pool.get()
            waiting = asyncio.create_task(pool.get())
            await asyncio.sleep(0)
            pool.close()
            with pytest.raises(ConnectionLost, match="client is closed"):
                await waiting
            with pytest.raises(ConnectionLost, match="client is closed"):
                await pool.get()
            return server.connections, pool._slots

    assert run(main())[1] == 0


# Where nobody answers


def failing(run, url, **more):
    async def main():
        async with closing(pool_to(url, **more)) as pool:
            with pytest.raises(ConnectionLost) as caught:
                await pool.get()
            assert (pool._slots, len(pool._all)) == (0, 0)
            return caught.value

    return run(main())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_refused(run):
    error = failing(run, f"http://127.0.0.1:{free_port()}")
    assert not error.sent
    assert "127.0.0.1" in str(error)


def test_no_such_host(monkeypatch):
    def nobody(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)  # asyncio asks it on a thread
    error = failing(asyncio.run, "http://nowhere.invalid")
    assert "not known" in str(error)
    assert not error.sent


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b"])
def test_no_host_at_all(run, host):
    assert "can't be reached" in str(failing(run, f"http://{host}"))


def test_a_handshake_that_never_ends_is_given_up(run, certificates):
    async def main():
        async def silent(conversation):
            await asyncio.sleep(3600)

        async with (
            serve(silent) as server,
            closing(pool_to(f"https://localhost:{server.port}", connect_timeout_s=0.2)) as pool,
        ):
            with pytest.raises(ConnectionLost, match=r"within 0\.2 s") as caught:
                await pool.get()
            return caught.value.timed_out, caught.value.sent, pool._slots

    assert run(main()) == (True, False, 0)


def test_ended_right_after_it_was_opened(run):
    """Accepted and reset: either the open fails, or the first request; never a wait for nothing."""

    async def play(conversation):
        conversation.end(hard=True)

    async def main():
        async with serve(play) as server, closing(pool_to(server.url, size=2)) as pool:
            for _ in range(50):
                with pytest.raises(ConnectionLost):
                    await exchange(pool)
            return pool._slots, len(pool._all)

    assert run(main()) == (0, 0)


# TLS


def tls_exchange(run, context, host="localhost", ca_bundle=""):
    async def main():
        async with (
            serve(echo, tls=context) as server,
            closing(pool_to(f"https://{host}:{server.port}", ca_bundle=ca_bundle)) as pool,
        ):
            return (await exchange(pool)).body

    return run(main())


def test_tls_with_a_certificate_of_the_given_authority(run, certificates):
    ca_bundle, contexts = certificates
    assert tls_exchange(run, contexts["good"], ca_bundle=ca_bundle) == b"ok"
    assert tls_exchange(run, contexts["good"], host="127.0.0.1", ca_bundle=ca_bundle) == b"ok"


@pytest.mark.parametrize(
    ("name", "with_authority", "says"),
    [
        ("good", False, "not trusted"),
        ("other", True, "not trusted"),
        ("wrong", True, "mismatch"),
    ],
)
def test_tls_refuses_who_can_not_be_trusted(run, certificates, name, with_authority, says):
    ca_bundle, contexts = certificates
    with pytest.raises(ConnectionLost, match=says) as caught:
        tls_exchange(run, contexts[name], ca_bundle=ca_bundle if with_authority else "")
    assert not caught.value.sent
    assert "estate.ca_bundle" in str(caught.value)


def test_tls_to_a_server_without_it(run):
    async def main():
        async with (
            serve(echo) as server,
            closing(pool_to(f"https://localhost:{server.port}", connect_timeout_s=0.3)) as pool,
        ):
            with pytest.raises(ConnectionLost):
                await pool.get()

    run(main())


def test_old_tls_is_not_spoken():
    assert tls_context("").minimum_version >= ssl.TLSVersion.TLSv1_2
    assert tls_context("").verify_mode is ssl.CERT_REQUIRED
    assert tls_context("").check_hostname


def test_a_bundle_that_is_none_is_said(tmp_path):
    (tmp_path / "not.pem").write_text("no certificate")
    for path in (str(tmp_path / "not.pem"), str(tmp_path / "missing.pem")):
        with pytest.raises(ConfigError, match=path):
            tls_context(path)


# Proxies


def proxy(*, login="", refuse=False, then=b""):
    """A proxy that carries CONNECT; its conversations' first lines."""

    async def play(conversation):
        asked = await conversation.request()
        expected = "Basic " + base64.b64encode(login.encode()).decode()
        if refuse or (login and asked.headers.get("proxy-authorization") != expected):
            await conversation.say(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        host, port = asked.target.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        await conversation.say(b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n" + then)

        async def pipe(source, sink):
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pipe(conversation.reader, writer))
                group.create_task(pipe(reader, conversation.writer))
        finally:
            writer.close()

    return play


def test_tls_through_a_proxy_that_wants_a_password(run, certificates):
    ca_bundle, contexts = certificates

    async def main():
        async with serve(echo, tls=contexts["good"]) as server, serve(proxy(login="me:p@ss/w:rd")) as middle:
            url = f"http://me:p%40ss%2Fw%3Ard@127.0.0.1:{middle.port}"
            async with closing(pool_to(f"https://localhost:{server.port}", ca_bundle=ca_bundle, proxy_url=url)) as pool:
                for _ in range(3):
                    assert (await exchange(pool)).body == b"ok"
            return [each.target for each in middle.asked], server.port

    targets, port = run(main())
    assert targets == [f"localhost:{port}"]


def test_the_server_behind_the_proxy_is_verified(run, certificates):
    ca_bundle, contexts = certificates

    async def main():
        async with (
            serve(echo, tls=contexts["other"]) as server,
            serve(proxy()) as middle,
            closing(
                pool_to(
                    f"https://localhost:{server.port}", ca_bundle=ca_bundle, proxy_url=f"http://127.0.0.1:{middle.port}"
                )
            ) as pool,
        ):
            with pytest.raises(ConnectionLost, match="not trusted"):
                await pool.get()
            return pool._slots

    assert run(main()) == 0


@pytest.mark.parametrize("said", ["407", "nothing", "garbage", "endless"])
def test_a_proxy_that_refuses_is_said_without_its_password(run, said):
    async def play(conversation):
        await conversation.request()
        await conversation.say(
            {
                "407": b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
                "nothing": b"",
                "garbage": b"SMTP\r\n\r\n",
                "endless": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 2800,
            }[said]
        )

    async def main():
        async with serve(play) as middle:
            url = f"http://me:hunter2@127.0.0.1:{middle.port}"
            async with closing(pool_to("https://s3.example", proxy_url=url)) as pool:
                with pytest.raises(ConnectionLost, match="proxy") as caught:
                    await pool.get()
                assert "hunter2" not in repr(pool._proxy) + repr(vars(pool))
                return str(caught.value), pool._slots

    error, slots = run(main())
    assert slots == 0
    assert "hunter2" not in error


def test_a_proxy_that_is_not_there(run):
    assert "proxy" in str(failing(run, "https://s3.example", proxy_url=f"http://127.0.0.1:{free_port()}"))


@pytest.mark.parametrize(
    ("url", "proxy_url", "says"),
    [
        ("https://s3.example", "https://me:hunter2@proxy:3128", "https:// is not supported"),
        ("https://s3.example", "socks5://proxy:1080", "socks5:// is not supported"),
        ("https://s3.example", "proxy:3128", "is not supported"),
        ("http://s3.example", "http://me:hunter2@proxy:3128", "unprotected"),
    ],
)
def test_proxies_that_can_not_be_honoured_are_refused_at_once(run, url, proxy_url, says):
    async def main():
        pool_to(url, proxy_url=proxy_url)

    with pytest.raises(ConfigError, match=says) as caught:
        run(main())
    assert caught.value.hint
    assert "hunter2" not in str(caught.value) + caught.value.hint


# Endpoints


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "https://sqs.eu-west-1.amazonaws.com",
            ("sqs.eu-west-1.amazonaws.com", 443, True, "sqs.eu-west-1.amazonaws.com"),
        ),
        ("http://localhost:4566/", ("localhost", 4566, False, "localhost:4566")),
        ("https://HOST:443", ("host", 443, True, "host")),
        ("http://[::1]:80", ("::1", 80, False, "[::1]")),
        ("https://[fe80::1]:8443", ("fe80::1", 8443, True, "[fe80::1]:8443")),
    ],
)
def test_endpoints(url, expected):
    found = read_endpoint(url)
    assert (found.host, found.port, found.tls, found.authority) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3.example",
        "ftp://x",
        "https://",
        "http://x:99999",
        "http://x:y",
        "https://x/prefix",
        "https://x?a=b",
        "https://me:hunter2@x",
        "http://[::1",
        "https://me:hunter2@x:y",
    ],
)
def test_what_is_no_endpoint(url):
    with pytest.raises(ConfigError) as caught:
        read_endpoint(url)
    assert "hunter2" not in str(caught.value)


def test_ends_of_connections_are_told_apart(run):
    async def main():
        async with (
            serve(script(CLOSE, RESET, (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", RESET))) as server,
            closing(pool_to(server.url)) as pool,
        ):
            begun = []
            for _ in range(3):
                with pytest.raises(ConnectionLost) as caught:
                    await exchange(pool)
                begun.append(caught.value.begun)
            return begun[:2], pool._slots

    assert run(main()) == ([False, False], 0)
