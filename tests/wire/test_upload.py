"""Bodies in pieces: the bytes that AWS's own example has, pieces signed or under TLS, and refusals before the end."""

import asyncio
import base64
import zlib
from dataclasses import replace
from hashlib import md5, sha256

import pytest

from tests.wire.server import CLOSE, Server, access, answer, error, serve
from windlass.core.errors import AwsError, NotFound, Throttled
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.sigv4 import Signer
from windlass.wire.upload import ChunkSigner, encoded_bytes

KIB = 1024


def test_chunks_are_signed_as_in_the_example_of_the_s3_api_reference():
    """Its 66,560 bytes in chunks of 64 KiB: the three signatures, and the length with them."""
    from windlass.core.access import Keys
    from windlass.core.secret import Secret

    keys = Keys("AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    scope, key = Signer("s3", "us-east-1").scope_and_key("20130524", keys)
    seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    signer = ChunkSigner(key, "20130524T000000Z", scope, seed)
    sent = [signer.chunk(data) for data in (b"a" * 65536, b"a" * 1024, b"")]
    assert [entry.split(b"\r\n")[0] for entry in sent] == [
        b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        b"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        b"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]
    assert sum(map(len, sent)) == encoded_bytes(66560, 65536) == 66824


def test_a_trailer_is_signed_as_in_the_example_of_the_s3_api_reference():
    """The same content with a trailing CRC-32C: its four signatures."""
    from windlass.core.access import Keys
    from windlass.core.secret import Secret

    keys = Keys("AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    _, key = Signer("s3", "us-east-1").scope_and_key("20130524", keys)
    seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    signer = ChunkSigner(key, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request", seed, trailer=True)
    sent = [signer.chunk(data) for data in (b"a" * 65536, b"a" * 1024, b"")]
    trailer = signer.trailer("x-amz-checksum-crc32c", "sOO8/Q==")
    assert [chunk.split(b"\r\n")[0] for chunk in sent] == [
        b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        b"400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        b"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ]
    assert sent[2].count(b"\r\n") == 1
    assert trailer == (
        b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
        b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    )
    assert sum(map(len, sent)) + len(trailer) == encoded_bytes(66560, 65536, trailer_bytes=len(trailer)) == 66946


async def pieces(*found):
    for entry in found:
        yield entry


def unframed(body):
    """The content of a body in chunks, and its trailer."""
    made = b""
    while body:
        head, _, rest = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            lines = [line for line in rest.decode().split("\r\n") if line]
            return made, dict(line.split(":", 1) for line in lines)
        made, body = made + rest[:size], rest[size + 2 :]
    raise AssertionError("no chunk ends it")


def crc32(body):
    return base64.b64encode(zlib.crc32(body).to_bytes(4)).decode()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("given", [{}, {"content-md5": "x"}], ids=["trailer", "known"])
@pytest.mark.parametrize("of_aws", [True, False])
def test_every_upload_carries_something_that_the_service_checks(certificates, tls, given, of_aws):
    """Puts and parts of any size, and bodies in pieces: a CRC-32 for AWS; where it may not be known, an MD5."""
    ca, contexts = certificates

    async def play(conversation):
        while (asked := await conversation.request()) is not None:
            begun = b"<r><UploadId>u</UploadId></r>" if asked.method == "POST" else b""
            await conversation.say(answer(200, begun, etag='"e"', x_amz_checksum_crc32="AAAA"))

    async def main():
        async with serve(play, tls=contexts["good"] if tls else None) as server:
            url = server.url.replace("http://127.0.0.1", "https://localhost") if tls else server.url
            way = replace(access(url, ca_bundle=ca if tls else ""), crc32=of_aws)
            async with Client(way) as client:
                for body in (b"", b"x", b"y" * 700 * KIB):
                    await client.send(s3.put("box", "k", body, headers=given))
                    part = await client.send(
                        s3.upload_part("box", "k", upload_id="u", number=1, body=body, headers=given)
                    )
                    assert part.checksums == (("ChecksumCRC32", "AAAA"),)
                    await client.upload(s3.put("box", "k", b"", headers=given), len(body), pieces(body))
                    put, sent_part, streamed = server.asked[-3:]
                    name = "content-md5" if given or not of_aws else "x-amz-checksum-crc32"
                    expected = given.get("content-md5") or (
                        crc32(body) if of_aws else base64.b64encode(md5(body, usedforsecurity=False).digest()).decode()
                    )
                    assert put.headers[name] == sent_part.headers[name] == expected
                    assert name in put.headers["authorization"]
                    if of_aws and not given:
                        assert streamed.headers["x-amz-trailer"] == "x-amz-checksum-crc32"
                        assert streamed.headers["content-encoding"] == "aws-chunked"
                        assert streamed.headers["x-amz-decoded-content-length"] == str(len(body))
                        content, trailer = unframed(streamed.body)
                        assert (content, trailer["x-amz-checksum-crc32"]) == (body, crc32(body))
                        assert ("x-amz-trailer-signature" in trailer) is not tls
                await client.send(s3.create_upload("box", "k", checksums=True))
                declared = server.asked[-1].headers.get("x-amz-checksum-algorithm")
                assert declared == ("CRC32" if of_aws else None)

    asyncio.run(main())


@pytest.mark.parametrize("sizes", [(1,), (100, 70 * KIB, 3), (300 * KIB,) * 4, (256 * KIB,)], ids=str)
def test_pieces_arrive_as_one_body(sizes):
    body = b"".join(bytes([65 + at]) * size for at, size in enumerate(sizes))

    async def main():
        async def play(conversation):
            while await conversation.request() is not None:
                await conversation.say(answer(etag='"e"'))

        async with serve(play) as server, Client(replace(access(server.url), crc32=False)) as client:
            given = pieces(*(bytes([65 + at]) * size for at, size in enumerate(sizes)))
            put = await client.upload(s3.put("box", "k", b"", headers={"x-amz-meta-a": "b"}), len(body), given)
            assert put.etag == "e"
            (asked,) = server.asked
            assert asked.headers["x-amz-content-sha256"] == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
            assert asked.headers["x-amz-decoded-content-length"] == str(len(body))
            assert unframed(asked.body) == (body, {})
            await client.send(s3.head("box", "k"))
            assert server.connections == 1, "the connection was not kept"

    asyncio.run(main())


def test_under_tls_they_go_as_they_are(certificates):
    ca, contexts = certificates
    body = b"x" * 500 * KIB

    async def main():
        async def play(conversation):
            await conversation.request()
            await conversation.say(answer(etag='"e"'))

        async with serve(play, tls=contexts["good"]) as server:
            way = access(server.url.replace("http://127.0.0.1", "https://localhost"), ca_bundle=ca)
            async with Client(replace(way, crc32=False)) as client:
                await client.upload(s3.put("box", "k", b""), len(body), pieces(body[:1000], body[1000:]))
            (asked,) = server.asked
            assert asked.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
            assert sha256(asked.body).digest() == sha256(body).digest()

    asyncio.run(main())


def refused_early(said):
    """A server that answers when it has read the head, and reads no further."""

    async def play(conversation):
        await conversation.reader.readuntil(b"\r\n\r\n")
        if said != CLOSE:
            await conversation.say(said)
            await asyncio.sleep(0.5)

    return play


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (error(404, "NoSuchBucket"), NotFound),
        (error(503, "SlowDownWrite"), Throttled),
        (error(500, "InternalError"), AwsError),
        (CLOSE, AwsError),
    ],
    ids=["404", "503", "500", "closed"],
)
def test_a_refusal_before_the_end_is_heard_and_its_connection_not_used_again(said, kind):
    taken = []

    async def many():
        for _ in range(1000):
            taken.append(1)
            yield b"x" * 64 * KIB
            await asyncio.sleep(0.001)

    async def main():
        async with serve(refused_early(said)) as server, Client(access(server.url)) as client:
            with pytest.raises(kind):
                await client.upload(s3.put("box", "k", b""), 64_000 * KIB, many())
            assert len(taken) < 1000, "all was read for nothing"
            route = client.route("box")
            assert route.pool.take() is None

    asyncio.run(main())


def test_what_the_pieces_raise_is_raised_and_the_body_is_left_unfinished():
    async def main():
        bodies = []

        async def play(conversation):
            head = await conversation.reader.readuntil(b"\r\n\r\n")
            bodies.append((head, await conversation.reader.read()))

        async def broken():
            yield b"x" * 300 * KIB
            raise LookupError("the source is gone")

        async with serve(play) as server, Client(access(server.url)) as client:
            with pytest.raises(LookupError):
                await client.upload(s3.put("box", "k", b""), 600 * KIB, broken())
            await asyncio.sleep(0.1)
        ((head, body),) = bodies
        length = int(dict(line.split(b": ", 1) for line in head.split(b"\r\n") if b": " in line)[b"content-length"])
        assert len(body) < length

    asyncio.run(main())


def test_a_slow_source_is_no_silent_server_and_little_waits_here():
    """Longer than the timeout in all, and never that long without a byte; the reader at the other end takes its time."""
    most = []

    async def main():
        async def play(conversation):
            await conversation.reader.readuntil(b"\r\n\r\n")
            while True:
                await asyncio.sleep(0.01)
                got = await conversation.reader.read(1 << 20)
                if not got or got.endswith(b"\r\n\r\n"):
                    break
            await conversation.say(answer(etag='"e"'))

        async with serve(play) as server, Client(access(server.url, read_timeout_s=0.5)) as client:

            async def slow():
                for _ in range(12):
                    yield b"x" * 100 * KIB
                    most.append(max(entry.transport.get_write_buffer_size() for entry in client.route("box").pool._all))
                    await asyncio.sleep(0.1)

            await client.upload(s3.put("box", "k", b""), 1200 * KIB, slow())

    asyncio.run(main())
    assert max(most) < 1 << 20


def test_the_names_of_buckets_page_by_page():
    def page(names, token=""):
        rows = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in names)
        more = f"<ContinuationToken>{token}</ContinuationToken>" if token else ""
        return answer(200, f"<ListAllMyBucketsResult><Buckets>{rows}</Buckets>{more}</ListAllMyBucketsResult>".encode())

    async def main():
        said = [page(["a", "b"], "t"), page(["c"])]

        async def play(conversation):
            while await conversation.request() is not None:
                await conversation.say(said.pop(0))

        async with serve(play) as server, Client(access(server.url)) as client:
            assert await client.send(s3.list_buckets()) == (["a", "b"], "t")
            assert await client.send(s3.list_buckets(token="t")) == (["c"], "")
            assert isinstance(server, Server)
            assert server.asked[1].target == "/?continuation-token=t"

    asyncio.run(main())
