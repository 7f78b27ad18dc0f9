"""A flow of copies against a server whose every byte is scripted: each ends once, told as it is."""

import asyncio

import pytest

from tests.wire.server import CLOSE, HANG, RESET, access, answer, error, script, serve
from windlass.core.access import Keys
from windlass.core.errors import AccessDenied, AwsError, Conflict, NotFound, Throttled
from windlass.core.secret import Secret
from windlass.wire.client import Client
from windlass.wire.copy_pipeline import CopyPipeline
from windlass.wire.copy_requests import CopyRequests

GOOD = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<CopyObjectResult><LastModified>2026-11-20T08:00:00.000Z</LastModified>'
    b"<ETag>&quot;e&quot;</ETag></CopyObjectResult>"
)
LATE = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>said late</Message></Error>"


def chunked(*pieces):
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


@pytest.fixture(params=["plain", "tls"])
def flowed(run, request, certificates):
    """The function below, over plain HTTP and over TLS, on each loop."""
    ca, contexts = certificates
    secure = {"tls": contexts["good"], "ca_bundle": ca} if request.param == "tls" else {}
    return lambda *args, **more: run(flow_to(*args, **more, **secure))


async def flow_to(play, count=1, *, size=2, tls=None, **more):
    """What each of `count` copies ended with, in the order of their keys, and the server."""

    async with serve(play, tls=tls) as server, Client(access(address(server, tls), **more)) as client:
        ends, left, over = {}, iter(range(count)), asyncio.Event()

        def done(token, failure):
            assert token not in ends, "it ended twice"
            ends[token] = failure
            if len(ends) == count:
                over.set()

        def ready():
            while flow.room() > 0:
                token = next(left, None)
                if token is None:
                    return
                flow.send(token, f"key {token}", "etag", "")

        flow = CopyPipeline(client, CopyRequests("target", source_bucket="source"), size=size, done=done, ready=ready)
        ready()
        await asyncio.wait_for(over.wait(), 20)
        assert flow.under_way == 0
        await flow.close()
        return [ends[token] for token in range(count)], server


def address(server, tls):
    return server.url.replace("http://127.0.0.1", "https://localhost") if tls else server.url


def test_many_copies_share_few_connections(flowed):
    async def play(conversation):
        while await conversation.request() is not None:
            await conversation.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(GOOD) + GOOD)

    ends, server = flowed(play, 500, size=4)
    assert ends == [None] * 500
    assert sorted(entry.target for entry in server.asked) == sorted(f"/target/key%20{at}" for at in range(500))
    assert server.most <= 5  # the client's own may be one more


@pytest.mark.parametrize(
    "said",
    [
        answer(200, GOOD),
        chunked(GOOD),
        chunked(b" ", b"\n", GOOD),  # blanks while S3 copies
        (answer(200, GOOD)[:60], answer(200, GOOD)[60:]),
        answer(200, b"  \n " + GOOD),
        answer(200, GOOD, connection="close"),
    ],
)
def test_a_good_answer_however_it_comes(flowed, said):
    assert flowed(script(said, answer(200, GOOD)))[0] == [None]


def test_throttling_is_told_at_once(flowed):
    ends, server = flowed(script(error(503, "SlowDown")))
    assert isinstance(ends[0], Throttled)
    assert len(server.asked) == 1, "who sends decides when it comes again"


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [("NoSuchKey", 404, NotFound), ("PreconditionFailed", 412, Conflict), ("AccessDenied", 403, AccessDenied)],
)
def test_errors_are_told_as_they_are(flowed, code, status, kind):
    ends, _ = flowed(script(*[error(status, code)] * 3))
    assert isinstance(ends[0], kind), ends


@pytest.mark.parametrize(
    "bad",
    [
        answer(200, LATE),
        chunked(b" ", LATE),
        answer(200, b""),
        error(500, "InternalError"),
        CLOSE,
        RESET,
        (b"HTTP/1.1 2", CLOSE),
    ],
)
def test_what_may_pass_is_asked_again(flowed, bad):
    ends, server = flowed(script(bad, answer(200, GOOD)))
    assert ends == [None]
    assert len(server.asked) == 2


def test_a_late_error_that_stays_is_an_error(flowed):
    ends, _ = flowed(script(*[answer(200, LATE)] * 10))
    assert isinstance(ends[0], AwsError)
    assert "said late" in str(ends[0])


def test_a_server_that_says_nothing_is_given_up(flowed):
    ends, server = flowed(script(HANG, answer(200, GOOD)), read_timeout_s=1.0)
    assert ends == [None]
    assert len(server.asked) == 2


def test_a_copy_sent_before_unrequested_bytes_closed_its_connection_is_sent_again(flowed):
    """The first answer needs the parser and frees the connection, the next copy goes out, then the rest of the read closes it."""
    both = chunked(GOOD) + answer(200, GOOD)
    ends, server = flowed(script(both, *[answer(200, GOOD)] * 3), 2, size=1)
    assert ends == [None, None]
    assert len(server.asked) == 2, "the second copy was written to no closed connection"


def test_expired_keys_are_renewed_in_mid_run(flowed):
    made = [Keys("AKIAOLD", Secret("old")), Keys("AKIANEW", Secret("new"))]
    old = 0

    async def play(conversation):
        nonlocal old
        while (asked := await conversation.request()) is not None:
            expired = "AKIAOLD" in asked.headers["authorization"]
            old += expired
            await conversation.say(error(400, "ExpiredToken") if expired else answer(200, GOOD))

    ends, _ = flowed(play, 50, keys=lambda: made[0] if old == 0 else made[1])
    assert ends == [None] * 50
    assert 1 <= old < 50


def test_an_unreachable_server_is_told_to_each():
    async def go():
        async with Client(access("http://127.0.0.1:9", connect_timeout_s=1.0)) as client:
            ends, over = [], asyncio.Event()

            def done(token, failure):
                ends.append(failure)
                over.set()

            flow = CopyPipeline(
                client, CopyRequests("target", source_bucket="source"), size=2, done=done, ready=lambda: None
            )
            for _ in range(40):
                if flow.room():
                    break
                await asyncio.sleep(0.1)
            if flow.room():
                flow.send(0, "key", "etag", "")
                await asyncio.wait_for(over.wait(), 20)
                assert isinstance(ends[0], AwsError)
            await flow.close()
            return flow.room()

    asyncio.run(go())


def test_what_is_under_way_when_it_closes_is_neither_told_nor_sent_again():
    async def go():
        async with serve(script(*[HANG] * 9)) as server, Client(access(server.url)) as client:
            told = []
            flow = CopyPipeline(
                client,
                CopyRequests("target", source_bucket="source"),
                size=2,
                done=lambda *end: told.append(end),
                ready=lambda: None,
            )
            while not flow.room():
                await asyncio.sleep(0.01)
            flow.send(0, "key", "etag", "")
            while not server.asked:
                await asyncio.sleep(0.01)
            await flow.close()
            await asyncio.sleep(0.3)
            return told, len(server.asked)

    assert asyncio.run(go()) == ([], 1)
