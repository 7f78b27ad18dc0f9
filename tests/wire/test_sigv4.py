"""Our signatures are botocore's, byte for byte, and over what is really sent."""

import asyncio
import contextlib
import datetime as dt
from hashlib import sha256
from unittest import mock
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.wire.server import KEYS, SECRET, TOKEN, access, answer, error, serve
from windlass.core.access import Keys
from windlass.core.errors import UsageError, WindlassError
from windlass.core.secret import Secret
from windlass.wire import s3
from windlass.wire.client import Client
from windlass.wire.model import UNSIGNED
from windlass.wire.sigv4 import Signer, encode_path, encode_query

METHODS = st.sampled_from(["GET", "PUT", "POST", "HEAD", "DELETE"])
NASTY = st.sampled_from(
    [
        "",
        "/",
        ".",
        "..",
        "a/../b",
        "a//b",
        "//",
        "./x",
        "x/.",
        "a/..",
        " ",
        "a b",
        "+",
        "%",
        "%2F",
        "%zz",
        "é",
        "日本/語",
        "💥",
        "~",
        "'()*!",
        "=&?#",
        "\\",
        "\u00a0",
        "\x7f",
        "\n",
        "a" * 300,
        "\udcff",
    ]
)
KEYS_OF_ALL_SHAPES = st.one_of(NASTY, st.text(max_size=40), st.lists(NASTY, max_size=4).map("/".join))
PAIRS = st.lists(
    st.tuples(st.sampled_from(["a", "A", "b", "list-type", "é", "a b", "ab"]), st.text(max_size=8)), max_size=6
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("\t éü"), max_size=30)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["x-amz-meta-a", "x-amz-acl", "content-type", "x-amz-copy-source", "range", "te", "expect"]),
        VALUES,
    ),
    max_size=6,
)
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
KEYRINGS = st.builds(
    lambda name, secret, token: Keys(name, Secret(secret), Secret(token) if token else None),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=20),
    SECRETS,
    st.none() | SECRETS,
)
TIMES = st.integers(0, 4_102_444_800)


@contextlib.contextmanager
def at(now):
    """botocore's clock."""
    moment = dt.datetime.fromtimestamp(now, dt.UTC).replace(tzinfo=None)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
        yield


def theirs(service, region, method, path, query, headers, body, keys, now, *, unsigned=False):
    """What botocore adds: (authorization, x-amz-date, token, content hash)."""
    url = f"https://host.example:8443{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method, url, data=body)
    for name, value in headers:
        request.headers[name] = value
    request.context["has_streaming_input"] = unsigned
    kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    credentials = Credentials(keys.access_key, keys.secret_key.reveal(), keys.token.reveal() if keys.token else None)
    with at(now):
        kind(credentials, service, region).add_auth(request)
    names = ("authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
    return {name: request.headers[name] for name in names if request.headers[name] is not None}


def ours(signer, method, path, query, headers, digest, keys, now):
    signed = [("host", "host.example:8443"), *headers]
    before = len(signed)
    signer.sign(method, path, query, signed, digest, keys, now)
    return dict(signed[before:])


@settings(max_examples=examples(250))
@given(METHODS, KEYS_OF_ALL_SHAPES, PAIRS, HEADERS, st.binary(max_size=40), KEYRINGS, TIMES)
def test_s3_signs_the_path_as_it_is_sent(method, key, pairs, headers, body, keys, now):
    path, query = f"/{encode_path(key)}", encode_query(pairs)
    digest = sha256(body).hexdigest() if body else ""
    expected = theirs("s3", "eu-west-1", method, path, query, headers, body, keys, now)
    mine = ours(Signer("s3", "eu-west-1"), method, path, query, headers, digest or sha256(b"").hexdigest(), keys, now)
    assert mine == expected


@settings(max_examples=examples(200))
@given(METHODS, KEYS_OF_ALL_SHAPES, PAIRS, HEADERS, st.binary(max_size=40), KEYRINGS, TIMES)
@example("GET", "a/./b/../c//", [("a", ""), ("a", "")], [("x-amz-acl", "  a   b\t c ")], b"", KEYS, 0)
def test_other_services_sign_the_path_normalised(method, key, pairs, headers, body, keys, now):
    path, query = f"/{encode_path(key)}", encode_query(pairs)
    expected = theirs("sqs", "us-gov-west-1", method, path, query, headers, body, keys, now)
    digest = sha256(body).hexdigest() if body else ""
    assert ours(Signer("sqs", "us-gov-west-1"), method, path, query, headers, digest, keys, now) == expected


@given(KEYS_OF_ALL_SHAPES, st.binary(min_size=1, max_size=40), KEYRINGS, TIMES)
def test_unsigned_payloads(key, body, keys, now):
    path, headers = f"/{encode_path(key)}", [("content-md5", "x")]
    expected = theirs("s3", "eu-west-1", "PUT", path, "", headers, body, keys, now, unsigned=True)
    assert expected["x-amz-content-sha256"] == UNSIGNED
    assert ours(Signer("s3", "eu-west-1"), "PUT", path, "", headers, UNSIGNED, keys, now) == expected


@settings(max_examples=examples(60))
@given(st.lists(st.tuples(TIMES | st.integers(86_399, 86_401), KEYRINGS | st.just(KEYS)), min_size=1, max_size=6))
def test_one_signer_through_days_and_keys(moments):
    """The cached day key must not outlive its day, nor its secret."""
    signer = Signer("s3", "eu-west-1")
    for now, keys in moments:
        expected = theirs("s3", "eu-west-1", "GET", "/k", "", [], b"", keys, now)
        assert ours(signer, "GET", "/k", "", [], sha256(b"").hexdigest(), keys, now) == expected


def test_a_renewed_secret_under_the_same_id_signs_anew():
    signer = Signer("s3", "us-east-1")
    other = Keys(KEYS.access_key, Secret("other"), KEYS.token)
    first = ours(signer, "GET", "/", "", [], "", KEYS, 1e9)["authorization"]
    assert ours(signer, "GET", "/", "", [], "", other, 1e9)["authorization"] != first
    assert ours(signer, "GET", "/", "", [], "", KEYS, 1e9)["authorization"] == first


def test_half_of_a_surrogate_pair_is_refused_with_a_word():
    with pytest.raises(UsageError, match="UTF-8"):
        encode_path("a\ud800")


def _calls(key, value):
    return [
        s3.put(
            "box", key, b"x" * 10, headers={"x-amz-meta-v": value, "Content-Type": "text/plain"}, owner="111111111111"
        ),
        s3.copy("box", key, source_bucket="other", source_key=key, source_version_id="a+b/c=", if_match="e"),
        s3.list_objects("box", prefix=key, start_after=key, delimiter="/"),
        s3.head("box", key, version_id="null"),
    ]


@settings(max_examples=examples(25), deadline=None)
@given(st.text(min_size=1, max_size=20) | NASTY.filter(bool), VALUES)
def test_what_arrives_is_what_was_signed(key, value):
    """Signed again by botocore from the bytes that a server received."""

    async def main():
        async def play(conversation):
            while (asked := await conversation.request()) is not None:
                await conversation.say(answer(404) if asked.method == "HEAD" else error(404, "NoSuchKey"))

        async with serve(play) as server, Client(access(server.url)) as client:
            for call in _calls(key, value):
                with contextlib.suppress(WindlassError):
                    await client.send(call)
            return server.asked

    asked = asyncio.run(main())
    assert len(asked) == 4
    for each in asked:
        path, _, query = each.target.partition("?")
        said = each.headers["authorization"]
        assert said not in each.body.decode("latin-1")
        names = said.split("SignedHeaders=")[1].split(",")[0].split(";")
        headers = [
            (name, each.headers[name].encode("latin-1").decode())
            for name in names
            if name not in ("x-amz-date", "x-amz-security-token", "x-amz-content-sha256")
        ]
        now = dt.datetime.strptime(each.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
        keys = Keys(KEYS.access_key, Secret(SECRET), Secret(TOKEN))
        expected = theirs("s3", "us-east-1", each.method, path, query, headers, each.body, keys, now)
        assert said == expected["authorization"]


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text("%=ab/ +\x00~\x7f\x80é"))
def test_a_key_s_path_is_what_urllib_makes_of_it(key):
    assert encode_path(key) == quote(key, safe="/-_.~")
