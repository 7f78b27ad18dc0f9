"""Prepared copies: the very bytes that the Client sends for the same call, for any key."""

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.server import KEYS, access
from windlass.core.access import Keys
from windlass.core.errors import UsageError
from windlass.core.secret import Secret
from windlass.wire.client import Client
from windlass.wire.copy_requests import CopyRequests

PLAIN = Keys("AKIAIOSFODNN7EXAMPLE", Secret("secret"))
KEY = st.one_of(
    st.text(min_size=1, max_size=40),
    st.text(st.sampled_from("abc/~._-%+ é😀\udc80"), min_size=1, max_size=20),
)


def both(key, etag, storage, *, keys=KEYS, path_style=True, bucket="target", headers=None, owner="111111111111"):
    """What the prepared copy sends, and what the Client would."""

    async def go():
        reach = access("https://s3.us-east-1.amazonaws.com", keys=lambda: keys, path_style=path_style)
        async with Client(reach) as client:
            copies = CopyRequests(
                bucket,
                source_bucket="source",
                owner=owner,
                source_owner=owner and "222222222222",
                headers=headers,
                user_agent=reach.user_agent,
            )
            route = client.route(bucket)
            while True:
                now = time.time()
                try:
                    copies.at(route, keys, now)
                    lean = copies.head(key, etag, storage)
                except UsageError:
                    return None, None
                usual = client._sign("CopyObject", copies.call(key, etag, storage).request, route, keys)
                if int(time.time()) == int(now):
                    return lean, usual

    return asyncio.run(go())


def parsed(head):
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    return first, sorted(lines)


@given(KEY, st.sampled_from(["d41d8cd98f00b204e9800998ecf8427e", "abc-12"]), st.sampled_from(["", "STANDARD_IA"]))
def test_the_same_request_with_the_same_signature(key, etag, storage):
    lean, usual = both(key, etag, storage)
    if lean is not None:
        assert parsed(lean) == parsed(usual)


def test_keys_without_a_token_hosts_with_the_bucket_and_headers_of_ones_own():
    for more in (
        {"keys": PLAIN},
        {"path_style": False},
        {"bucket": "with.dots"},
        {"owner": ""},
        {"headers": {"x-amz-server-side-encryption": "aws:kms", "x-amz-meta-odd": "100%  s"}},
    ):
        lean, usual = both("a b/é.txt", "etag", "", **more)
        assert parsed(lean) == parsed(usual), more


def test_new_keys_and_a_new_second_are_signed_anew():
    async def go():
        async with Client(access("http://127.0.0.1:1")) as client:
            copies, route = CopyRequests("target", source_bucket="source"), client.route("target")

            def head(keys, now):
                copies.at(route, keys, now)
                return copies.head("k", "e", "")

            heads = {
                head(keys, now)
                for keys in (KEYS, PLAIN, Keys(PLAIN.access_key, Secret("other")))
                for now in (1_795_000_000, 1_795_000_001)
            }
            return heads, head(KEYS, 1_795_000_000)

    heads, again = asyncio.run(go())
    assert len(heads) == 6
    assert again in heads


def test_a_key_that_utf8_can_not_write_is_refused():
    assert both("half \ud800", "e", "") == (None, None)
