"""Large bodies: read to where they are wanted, sent piece by piece, protected by a sum; whatever the server does."""

import asyncio
import base64
import zlib
from hashlib import sha256

import pytest

from tests.wire.memory import Fed, new_loop
from tests.wire.server import access, answer, error, serve
from tests.wire.test_connection import ANSWERS, BODY
from windlass.core.errors import AwsError, Throttled
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.errors import BrokenResponse, ConnectionLost
from windlass.wire.event_loops import new_loop as our_loop

MIB = 1024 * 1024
NOISE = b"".join(sha256(b"%d" % at).digest() for at in range(5 * MIB // 32))


@pytest.fixture(scope="module")
def loop():
    loop = new_loop()
    yield loop
    loop.close()


def room(size):
    return memoryview(bytearray(size))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_body_lies_where_it_was_wanted_however_it_was_cut(loop, name):
    data, status, body, kept = ANSWERS[name]
    for cut in range(len(data)):
        into, fed = room(100), Fed(loop)
        fed.ask(into=into)
        fed.feed(data, [cut])
        found = fed.answer.result()
        good = status < 300
        assert (found.status, found.body, found.put_bytes) == (status, b"" if good else body, len(body) if good else 0)
        assert into[: found.put_bytes] == (body if good else b"")
        assert not any(into[found.put_bytes :])
        assert (fed.connection.closed, fed.freed) == (not kept, [fed.connection])
        if kept:  # the next answer is none of its business
            fed.ask()
            fed.feed(ANSWERS["content-length"][0])
            assert fed.outcome() == (200, BODY)


def test_it_is_read_right_there(loop):
    into, fed = room(25), Fed(loop)
    fed.ask(into=into)
    fed.feed(ANSWERS["content-length"][0][:-20])
    where = fed.connection.get_buffer(-1)
    assert (len(where), where.obj is into.obj) == (20, True)
    fed.feed(BODY[-20:])
    assert (fed.answer.result().put_bytes, bytes(into)) == (25, BODY)


@pytest.mark.parametrize("name", ["content-length", "chunked with extensions and trailers"])
def test_more_than_there_is_room_for_is_refused(loop, name):
    into, fed = room(24), Fed(loop)
    fed.ask(into=into)
    fed.feed(ANSWERS[name][0])
    assert fed.outcome() is BrokenResponse
    assert fed.connection.closed


def test_more_than_was_announced_closes_the_connection(loop):
    for more in (b"x", BODY):
        into, fed = room(100), Fed(loop)
        fed.ask(into=into)
        data = ANSWERS["content-length"][0]
        fed.feed(data + more, [len(data) - 5])
        assert fed.connection.closed
        assert not any(into[25:])


def test_a_body_cut_off_is_a_loss(loop):
    data = ANSWERS["content-length"][0]
    for end in range(len(data)):
        fed = Fed(loop)
        fed.ask(into=room(25))
        fed.feed(data[:end], [max(0, end - 3)])
        fed.hang_up()
        assert isinstance(fed.answer.exception(), ConnectionLost)


def https(server):
    return server.url.replace("http://127.0.0.1", "https://localhost")


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, our_loop])
@pytest.mark.parametrize("tls", [False, True])
def test_ranges_and_parts_over_one_connection(certificates, tls, factory):
    ca, contexts = certificates
    checksum = base64.b64encode(zlib.crc32(NOISE).to_bytes(4)).decode()

    async def play(conversation):
        while (asked := await conversation.request()) is not None:
            await conversation.say(answer(200, NOISE, etag='"e"') if asked.method == "GET" else answer(etag='"e"'))

    async def main():
        async with serve(play, tls=contexts["good"] if tls else None) as server:
            async with Client(access(https(server) if tls else server.url, ca_bundle=ca if tls else "")) as client:
                for _ in range(3):
                    into = room(len(NOISE))
                    await client.send(s3.get_into(into, "box", "k", first=7, if_match="e"))
                    assert into == NOISE
                    put = s3.upload_part("box", "k", upload_id="u", number=1, body=memoryview(bytearray(NOISE)))
                    assert (await client.send(put)).etag == "e"
            assert server.connections == 1
            got, sent, *_ = server.asked
            assert got.headers["range"] == f"bytes=7-{len(NOISE) + 6}"
            assert sent.body == NOISE
            hashed = sent.headers["x-amz-content-sha256"]
            assert hashed == ("UNSIGNED-PAYLOAD" if tls else sha256(NOISE).hexdigest())
            assert sent.headers["x-amz-checksum-crc32"] == checksum
            assert "x-amz-checksum-crc32" in sent.headers["authorization"]

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def test_less_than_was_asked_for_is_an_error_not_old_bytes():
    async def play(conversation):
        while await conversation.request() is not None:
            await conversation.say(answer(200, b"short"))

    async def main():
        async with serve(play) as server, Client(access(server.url)) as client:
            with pytest.raises(AwsError, match="5 of the 10 bytes"):
                await client.send(s3.get_into(room(10), "box", "k", first=0))

    asyncio.run(main())


def test_a_part_that_is_refused_before_it_is_sent_is_sent_again_whole():
    bodies = []

    async def play(conversation):
        if conversation.number == 1:
            await conversation.reader.readuntil(b"\r\n\r\n")
            await conversation.say(error(503, "SlowDown"))
            await asyncio.sleep(0.5)
            return
        while (asked := await conversation.request()) is not None:
            bodies.append(asked.body)
            await conversation.say(answer(etag='"e"'))

    async def main():
        body = NOISE * 4
        async with serve(play) as server, Client(access(server.url)) as client:
            assert (await client.send(s3.put("box", "k", body))).etag == "e"
            assert [entry == body for entry in bodies] == [True]
            assert server.connections == 2, "what was still to be sent would be taken for a request"

    asyncio.run(main())


def test_a_server_that_reads_slowly_gets_all_of_it_and_one_that_stops_is_given_up():
    async def play(conversation):
        await conversation.reader.readuntil(b"\r\n\r\n")
        left = 4 * len(NOISE)
        while left:
            left -= len(await conversation.reader.read(min(left, 128 * 1024)))
            await asyncio.sleep(0.001 if conversation.number == 1 else 60)
        await conversation.say(answer(etag='"e"'))

    async def main():
        async with serve(play) as server, Client(access(server.url, read_timeout_s=0.5)) as client:
            assert (await client.send(s3.put("box", "k", NOISE * 4))).etag == "e"
            with pytest.raises((AwsError, Throttled), match=r"0\.5 s"):
                await client.send(s3.put("box", "k", NOISE * 4))
            assert server.connections >= 2

    asyncio.run(main())
