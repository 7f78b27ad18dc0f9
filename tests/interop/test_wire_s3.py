"""Our signatures and S3 calls, checked by servers that nobody here wrote and that verify SigV4."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.interop.servers import KEY, ODD, SECRET, s3_server
from tests.wire.server import access
from windlass.core.access import Keys
from windlass.core.errors import AccessDenied, AwsError, NotFound, WindlassError
from windlass.core.secret import Secret
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.model import Call, Request
from windlass.wire.sigv4 import encode_query

pytestmark = pytest.mark.interop
MIB = 1 << 20


@pytest.fixture(scope="module", params=["rclone", "versitygw"])
def url(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with s3_server(request.param, folder, key=KEY, secret=SECRET, buckets=("box", "other")) as server_url:
        yield server_url


def at(url, *, secret=SECRET, key=KEY):
    return Client(access(url, keys=lambda: Keys(key, Secret(secret))), draw=lambda: 0.0)


def test_every_call_it_knows_is_accepted(url):
    async def main():
        async with at(url) as client:
            put = await client.send(
                s3.put(
                    "box", "dir/one", b"hello", headers={"x-amz-meta-a": "  two   words ", "Content-Type": "text/plain"}
                )
            )
            head = await client.send(s3.head("box", "dir/one"))
            assert (head.size_bytes, head.etag) == (5, put.etag)
            assert (await client.send(s3.get("box", "dir/one")))[1] == b"hello"
            assert (await client.send(s3.get("box", "dir/one", byte_range=(1, 3))))[1] == b"ell"
            copied = await client.send(s3.copy("other", "two", source_bucket="box", source_key="dir/one"))
            assert copied.etag == put.etag
            page = await client.send(s3.list_objects("box", prefix="dir/"))
            assert [(entry.key, entry.size_bytes, entry.etag) for entry in page.objects] == [("dir/one", 5, put.etag)]
            assert (await client.send(s3.list_objects("box", delimiter="/"))).prefixes == ["dir/"]
            big = bytes(range(256)) * (5 * MIB // 256)
            upload = await client.send(s3.create_upload("box", "big"))
            parts = [
                await client.send(s3.upload_part("box", "big", upload_id=upload, number=n, body=body))
                for n, body in ((1, big), (2, b"tail"))
            ]
            await client.send(s3.complete_upload("box", "big", upload_id=upload, parts=parts))
            async with client.stream(s3.get("box", "big")) as (_, body):
                assert b"".join([chunk async for chunk in body]) == big + b"tail"
            upload = await client.send(s3.create_upload("box", "never"))
            await client.send(s3.abort_upload("box", "never", upload_id=upload))
            await client.send(s3.delete("box", "dir/one"))
            with pytest.raises(NotFound):
                await client.send(s3.head("box", "dir/one"))
            with pytest.raises(NotFound):
                await client.send(s3.get("no-such-box", "k"))

    asyncio.run(main())


def test_odd_keys(url):
    async def main():
        async with at(url) as client:
            for key in ODD:
                await client.send(s3.put("box", f"odd/{key}", key.encode()))
                assert (await client.send(s3.get("box", f"odd/{key}")))[1].decode() == key
            page = await client.send(s3.list_objects("box", prefix="odd/"))
            assert sorted(entry.key for entry in page.objects) == sorted(f"odd/{key}" for key in ODD)
            for entry in page.objects:
                await client.send(s3.copy("other", entry.key, source_bucket="box", source_key=entry.key))
                assert (await client.send(s3.get("other", entry.key)))[1].decode() == entry.key[4:]
                await client.send(s3.delete("box", entry.key))

    asyncio.run(main())


# rclone sorts a query by names not yet encoded (no name of S3 differs by that), and takes a path for a folder's: it folds slashes and dots, and DELETE /box// would delete the bucket.
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda key: {"", ".", ".."}.isdisjoint(key.split("/"))
)


@settings(max_examples=examples(150), deadline=None)
@given(
    PLAIN,
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    st.lists(st.tuples(st.sampled_from(["prefix", "x", "a b", "A"]), st.text(max_size=6)), max_size=3),
)
def test_no_signature_is_wrong(url, key, value, pairs):
    """Whatever it makes of the request, it never doubts who asks."""

    async def main():
        async with at(url) as client:
            anything = Request("GET", "/", encode_query([("list-type", "2"), *pairs]), bucket="box")
            calls = (
                s3.put("box", f"any/{key}", b"x", headers={"x-amz-meta-v": value}),
                s3.head("box", f"any/{key}"),
                s3.delete("box", f"any/{key}"),
                Call("List", anything, lambda _: None),
            )
            refused = []
            for call in calls:
                try:
                    await client.send(call)
                except WindlassError as error:
                    refused.append(error)
            return refused

    for error in asyncio.run(main()):
        assert not isinstance(error, AccessDenied), error
        assert "ignature" not in str(error)


@pytest.mark.parametrize(("key", "secret"), [(KEY, SECRET[:-1] + "x"), ("AKIANOBODY", SECRET)])
def test_others_are_refused(url, key, secret):
    async def main():
        async with at(url, key=key, secret=secret) as client:
            for call in (s3.list_objects("box"), s3.put("box", "k", b"x"), s3.get("box", "k")):
                with pytest.raises((AccessDenied, AwsError)) as caught:
                    await client.send(call)
                assert secret not in str(caught.value)

    asyncio.run(main())
    with contextlib.suppress(NotFound):
        asyncio.run(_untouched(url))


async def _untouched(url):
    async with at(url) as client:
        with pytest.raises(NotFound):
            await client.send(s3.head("box", "k"))
