"""A call and its retries, as a user meets them: against a server that answers exactly what the test says."""

import asyncio
import contextlib
import email.utils
import logging
import time
import traceback

import pytest

from tests.wire.server import CLOSE, HANG, KEYS, RESET, SECRET, TOKEN, access, answer, error, script, serve
from windlass.core.access import Keys
from windlass.core.errors import AccessDenied, AwsError, ConfigError, Conflict, NotFound, Throttled, UsageError
from windlass.core.secret import Secret
from windlass.wire import s3, sqs
from windlass.wire.client import Client
from windlass.wire.errors import BadResponse, ConnectionLost
from windlass.wire.model import POLL, Call, Request

OK = answer(200, b"hello", etag='"e"')
COPIED = answer(
    200,
    b"<?xml version='1.0'?><CopyObjectResult><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag></CopyObjectResult>",
)
COMPLETED = b"<CompleteMultipartUploadResult><ETag>&quot;e-2&quot;</ETag></CompleteMultipartUploadResult>"
GET = s3.get("box", "key")
COPY = s3.copy("box", "key", source_bucket="box", source_key="other")
COMPLETE = s3.complete_upload("box", "key", upload_id="u", parts=[s3.Part(2, "b"), s3.Part(1, "a")])
RECEIVE = sqs.receive("http://q/1/q", wait_s=0)
ONCE = "no retries wait in these tests"


def talk(run, steps, *calls, draw=lambda: 0.0, connections=0, observe=None, **more):
    """Each call against the script, on one door; (answers or errors, what was asked)."""

    async def main():
        async with (
            serve(script(*steps)) as server,
            Client(access(server.url, **more), connections=connections, draw=draw, observe=observe) as client,
        ):
            found = []
            for call in calls:
                try:
                    found.append(await client.send(call))
                except Exception as failure:
                    found.append(failure)
            return found, server.asked

    return run(main())


def one(run, steps, call, **more):
    (found,), asked = talk(run, steps, call, **more)
    return found, len(asked)


# What is sent again


@pytest.mark.parametrize(
    "first",
    [
        CLOSE,
        RESET,
        OK[:20],
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", RESET),
        error(500, "InternalError"),
        answer(502, b"<html>Bad gateway"),
        answer(502, b"<html>Bad gateway", request_id=""),
        answer(404, b"<html>Not found</html>", request_id=""),
        answer(503),
        answer(503, request_id=""),
        answer(504),
        answer(408, b"", connection="close"),
        error(400, "RequestTimeout"),
        error(503, "SlowDown"),
        answer(429),
        error(400, "RequestTimeout", x_amz_bucket_region="us-east-1"),
    ],
)
def test_passing_faults_are_tried_again(run, first):
    step = (first, CLOSE) if isinstance(first, bytes) and first == OK[:20] else first
    found, asked = one(run, [step, step, step, OK], GET)
    assert (found[1], asked) == (b"hello", 4)


@pytest.mark.parametrize(
    ("step", "kind", "code"),
    [
        (error(500, "InternalError"), AwsError, "InternalError"),
        (error(503, "SlowDown"), Throttled, "SlowDown"),
        (CLOSE, AwsError, "ConnectionLost"),
    ],
)
def test_but_not_for_ever(run, step, kind, code):
    found, asked = one(run, [step] * 9, GET)
    assert (type(found), found.code, asked) == (kind, code, 4)
    assert "s3 GetObject (box) in us-east-1 of 111111111111" in str(found)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (error(403, "AccessDenied"), AccessDenied),
        (error(404, "NoSuchKey"), NotFound),
        (error(412, "PreconditionFailed"), Conflict),
        (error(400, "InvalidArgument"), AwsError),
        (answer(200, b"x" * 2000), AwsError),
        (b"SSH-2.0\r\n\r\n", AwsError),
        (answer(304), AwsError),
    ],
)
def test_what_would_fail_again_is_not(run, step, kind):
    found, asked = one(run, [step, OK], s3.get("box", "key", max_bytes=1000))
    assert (type(found), asked) == (kind, 1)


@pytest.mark.parametrize("step", [CLOSE, RESET, answer(500, b"{}"), answer(503), (OK[:30], RESET)])
def test_a_receive_is_never_sent_twice(run, step):
    """Each hidden retry can hide ten more messages."""
    (first, second), asked = talk(run, [answer(200, b"{}"), step, answer(200, b"{}")], RECEIVE, RECEIVE, service="sqs")
    assert first == []
    assert isinstance(second, AwsError)
    assert len(asked) == 2
    assert RECEIVE.retry_policy is POLL


def test_a_stale_connection_costs_no_attempt(run):
    """Four connections idle; the server forgets them all. The next call finds out, drops them, and is answered."""

    async def main():
        met = asyncio.Event()
        waiting = []

        async def play(conversation):
            await conversation.request()
            if conversation.number > 4:
                await conversation.say(OK)
                await conversation.request()
                return
            waiting.append(1)
            if len(waiting) == 4:
                met.set()
            await met.wait()
            await conversation.say(OK)
            await conversation.request()
            conversation.end(hard=True)

        async with serve(play) as server, Client(access(server.url), draw=lambda: 0.0) as client:
            await asyncio.gather(*(client.send(GET) for _ in range(4)))
            _head, body = await client.send(GET)
            return body, len(server.asked), server.connections

    body, asked, connections = run(main())
    assert body == b"hello"
    assert (asked, connections) == (6, 5)


def test_a_server_that_closes_after_each_answer_without_a_word(run):
    async def main():
        async def play(conversation):
            await conversation.request()
            await conversation.say(OK)

        async with serve(play) as server, Client(access(server.url), connections=3, draw=lambda: 0.0) as client:
            found = await asyncio.gather(*(client.send(GET) for _ in range(60)))
            return {body for _, body in found}

    assert run(main()) == {b"hello"}


def test_backing_off_is_longer_when_throttled(run):
    waits = []
    for step in (error(503, "SlowDown"), error(500, "InternalError")):
        started = time.monotonic()
        one(run, [step, step, OK], GET, draw=lambda: 0.25)
        waits.append(time.monotonic() - started)
    assert waits[0] >= 0.25 * (0.5 + 1.0)
    assert waits[1] >= 0.25 * (0.1 + 0.2)


def test_a_conflict_after_a_lost_answer_says_whose_it_may_be(run):
    put = s3.put("box", "lease", b"me", if_none_match=True)
    found, asked = one(run, [CLOSE, error(412, "PreconditionFailed")], put)
    assert (type(found), asked) == (Conflict, 2)
    assert "may have made the change" in found.hint
    found, _ = one(run, [error(412, "PreconditionFailed")], put)
    assert "may have made the change" not in found.hint


def test_attempts_are_observed(run):
    seen = []
    steps = [error(503, "SlowDown"), error(500, "InternalError"), CLOSE, OK]
    _found, _ = one(run, steps, GET, observe=lambda *what: seen.append(what))
    assert [each[:2] for each in seen] == [
        ("GetObject", "throttled"),
        ("GetObject", "error"),
        ("GetObject", "lost"),
        ("GetObject", "ok"),
    ]
    assert all(each[2] > 0 for each in seen)


# Late errors


def test_a_copy_that_fails_after_its_200(run):
    late = [
        answer(200, b"<?xml version='1.0'?>\n<Error><Code>InternalError</Code></Error>"),
        answer(200, b"  \n <Error xmlns='x'><Code>SlowDown</Code></Error>"),
        answer(200, b""),
        answer(200, b" \n "),
    ]
    found, asked = one(run, [*late, COPIED], COPY)
    assert (found.etag, asked) == ("e", 5)
    found, asked = one(run, [answer(200, b"<Error><Code>AccessDenied</Code></Error>"), COPIED], COPY)
    assert (type(found), asked) == (AccessDenied, 1)


def test_a_completed_upload_behind_blanks(run):
    chunk = b"%x\r\n%b\r\n"
    blanks = b"<?xml version='1.0'?>\n" + b" \n" * 50_000
    for body in (b" \n" * 100_000 + COMPLETED, blanks + COMPLETED, b" \n <?xml version='1.0'?>" + COMPLETED):
        pieces = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]
        step = (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            *(chunk % (len(piece), piece) for piece in pieces),
            b"0\r\n\r\n",
        )
        found, asked = one(run, [step], COMPLETE)
        assert (found.etag, asked) == ("e-2", 1)
    assert COMPLETE.request.body.index(b"<PartNumber>1<") < COMPLETE.request.body.index(b"<PartNumber>2<")


# Keys, clock, region


def test_expired_keys_are_renewed_once(run):
    given = []

    def keys():
        given.append(Keys(f"AKIA{len(given)}", Secret("s" * 40), Secret("t")))
        return given[-1]

    found, asked = one(run, [error(400, "ExpiredToken"), OK], GET, keys=keys)
    assert (found[1], asked, len(given)) == (b"hello", 2, 2)
    given.clear()
    found, asked = one(run, [error(400, "ExpiredToken")] * 5, GET, keys=keys)
    assert (type(found), asked, len(given)) == (AccessDenied, 2, 2)
    assert "expired" in str(found)


def test_many_calls_with_expired_keys_ask_for_new_ones_once(run):
    given = []

    def keys():
        given.append(Keys(f"AKIA{len(given)}", Secret("s" * 40), Secret("t")))
        return given[-1]

    async def main():
        async def play(conversation):
            while (asked := await conversation.request()) is not None:
                await conversation.say(error(400, "ExpiredToken") if "AKIA0" in asked.headers["authorization"] else OK)

        async with serve(play) as server, Client(access(server.url, keys=keys), connections=4) as client:
            return [body for _, body in await asyncio.gather(*(client.send(GET) for _ in range(20)))]

    assert run(main()) == [b"hello"] * 20
    assert len(given) == 2


def test_keys_are_renewed_in_the_background(run, monkeypatch):
    """After a minute they are asked for anew while the old ones serve; a failure then is nobody's; after five, it is."""
    given = []

    def keys():
        given.append(None)
        if len(given) == 2:
            raise ConfigError("the role can't be assumed just now")
        return KEYS

    async def main():
        async with serve(script(*[OK] * 9)) as server, Client(access(server.url, keys=keys)) as client:
            ring = client._credentials
            await client.send(GET)
            await client.send(GET)
            assert len(given) == 1
            ring._got_at -= 61
            ring._asked_at -= 61
            for _ in range(3):
                await client.send(GET)
            with contextlib.suppress(ConfigError):
                await ring._renewing
            await client.send(GET)
            assert len(given) == 2, "a failure is not repeated with each call"
            ring._asked_at -= 6
            await client.send(GET)
            await ring._renewing
            assert len(given) == 3
            assert ring._keys is KEYS
            ring._got_at -= 301
            await client.send(GET)
            return len(given)

    assert run(main()) == 4


def test_keys_that_can_not_be_had_are_said(run):
    def keys():
        raise ConfigError("there are no credentials", hint="windlass whoami")

    found, asked = one(run, [OK], GET, keys=keys)
    assert (type(found), asked) == (ConfigError, 0)


def dated(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def test_a_wrong_clock_is_corrected_once_and_remembered(run):
    skewed = error(403, "RequestTimeTooSkewed", date=dated(7200))
    (first, second), asked = talk(run, [skewed, OK, OK], GET, GET)
    assert first[1] == second[1] == b"hello"
    hours = [int(each.headers["x-amz-date"][9:11]) for each in asked]
    assert (hours[1] - hours[0]) % 24 in (2, 1, 3)
    assert hours[2] in (hours[1], (hours[1] + 1) % 24)
    found, count = one(run, [skewed] * 5, GET)
    assert (type(found), count) == (AccessDenied, 2)
    assert "clock" in str(found)


@pytest.mark.parametrize("date", ["now", "yesterday", ""])
def test_a_wrong_signature_is_not_the_clocks_fault(run, date):
    headers = {"date": dated(0) if date == "now" else date}
    found, asked = one(
        run, [answer(403, b'{"__type":"InvalidSignatureException"}', **headers), OK], RECEIVE, service="sqs"
    )
    assert (type(found), asked) == (AccessDenied, 1)


def test_many_calls_with_a_wrong_clock_all_go_through(run):
    async def main():
        late = []

        async def play(conversation):
            while (asked := await conversation.request()) is not None:
                now = email.utils.parsedate_to_datetime(dated(7200)).strftime("%Y%m%dT%H")
                right = (
                    asked.headers["x-amz-date"].startswith(now) or asked.headers["x-amz-date"][:11] == late[0]
                    if late
                    else False
                )
                late.append(asked.headers["x-amz-date"][:11]) if not late else None
                right = asked.headers["x-amz-date"][:11] != late[0]
                await conversation.say(OK if right else error(403, "RequestTimeTooSkewed", date=dated(7200)))

        async with serve(play) as server, Client(access(server.url), connections=8) as client:
            return [body for _, body in await asyncio.gather(*(client.send(GET) for _ in range(30)))]

    assert run(main()) == [b"hello"] * 30


MOVED = [
    answer(301, b"<Error><Code>PermanentRedirect</Code></Error>", x_amz_bucket_region="eu-west-1"),
    answer(400, b"", x_amz_bucket_region="eu-west-1"),
    error(400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'"),
    answer(400, b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"),
    error(307, "TemporaryRedirect", x_amz_bucket_region="eu-west-1"),
]


@pytest.mark.parametrize("moved", MOVED)
def test_a_bucket_elsewhere_is_asked_there_from_then_on(run, moved):
    async def main():
        async with serve(script(moved, OK)) as here, serve(script(OK, OK)) as there:
            reach = access(here.url, regional_endpoint=lambda region: {"eu-west-1": there.url}[region])
            async with Client(reach) as client:
                for _ in range(2):
                    assert (await client.send(GET))[1] == b"hello"
                assert (await client.send(s3.get("nearby", "key")))[1] == b"hello"
            return here, there

    here, there = run(main())
    assert [each.target for each in here.asked] == ["/box/key", "/nearby/key"]
    assert [each.target for each in there.asked] == ["/box/key"] * 2
    assert all("/eu-west-1/s3/" in each.headers["authorization"] for each in there.asked)
    assert {each.headers["host"] for each in there.asked} == {f"127.0.0.1:{there.port}"}


def test_a_head_without_a_body_is_redirected_too(run):
    async def main():
        async with (
            serve(script(answer(400, x_amz_bucket_region="eu-west-1"))) as here,
            serve(script(OK[:-5])) as there,
            Client(access(here.url, regional_endpoint=lambda _: there.url)) as client,
        ):
            return (await client.send(s3.head("box", "key"))).size_bytes

    assert run(main()) == 5


def test_an_endpoint_of_ones_own_is_signed_for_the_other_region(run):
    found, asked = talk(run, [MOVED[0], OK], GET)
    assert found[0][1] == b"hello"
    assert "/eu-west-1/s3/" in asked[1].headers["authorization"]


def test_many_calls_to_a_bucket_elsewhere_all_go_through(run):
    async def main():
        async def play(conversation):
            while (asked := await conversation.request()) is not None:
                await conversation.say(OK if "/eu-west-1/" in asked.headers["authorization"] else MOVED[0])

        async with serve(play) as server, Client(access(server.url), connections=8) as client:
            return [body for _, body in await asyncio.gather(*(client.send(GET) for _ in range(30)))]

    assert run(main()) == [b"hello"] * 30


@pytest.mark.parametrize("region", ["us-east-1", "evil.example/", "EU", "", "x" * 60])
def test_a_redirect_to_nowhere_is_an_error(run, region):
    """A region becomes part of a host name: only what looks like one is believed, and here is no elsewhere."""

    def regional_endpoint(_):
        raise AssertionError("never asked")

    found, asked = one(
        run,
        [answer(301, b"<Error><Code>PermanentRedirect</Code></Error>", x_amz_bucket_region=region), OK],
        GET,
        regional_endpoint=regional_endpoint,
    )
    assert (type(found), found.code, asked) == (AwsError, "PermanentRedirect", 1)


def test_a_redirect_there_and_back_ends(run):
    found, asked = one(run, [MOVED[0], answer(301, b"", x_amz_bucket_region="us-east-1"), OK], GET)
    assert (type(found), asked) == (AwsError, 2)


def test_buckets_in_the_host_where_their_names_fit(run):
    """localhost's names all resolve here; what does not fit a wildcard certificate goes into the path."""

    async def main():
        async with (
            serve(script(*[OK] * 9)) as server,
            Client(access(f"http://localhost:{server.port}", path_style=False)) as client,
        ):
            found = {}
            for bucket in ("with.dots", "Old_Style", "x" * 64):
                await client.send(s3.get(bucket, "key"))
                found[bucket] = server.asked[-1].target
            route = client._routes.find("my-bucket")
            return found, route.pool.endpoint.authority, route.prefix, server.port

    found, authority, prefix, port = run(main())
    assert found == {bucket: f"/{bucket}/key" for bucket in found}
    assert (authority, prefix) == (f"my-bucket.localhost:{port}", "")


# Time


def test_no_answer_in_time(run):
    found, asked = one(run, [HANG] * 4, s3.get("box", "key"), read_timeout_s=0.05)
    assert (found.code, asked) == ("ReadTimeout", 4)
    assert "read_timeout_s" in found.hint


def test_a_slow_drip_is_no_answer(run):
    async def main():
        async def drip(conversation):
            while await conversation.request() is not None:
                await conversation.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                while True:
                    await conversation.say(b"x")
                    await asyncio.sleep(0.02)

        async with serve(drip) as server, Client(access(server.url, read_timeout_s=0.1), draw=lambda: 0.0) as client:
            with pytest.raises(AwsError) as caught:
                await client.send(GET)
            return caught.value.code

    assert run(main()) == "ReadTimeout"


def test_a_long_copy_is_waited_for_while_blanks_come(run):
    async def main():
        async def play(conversation):
            while await conversation.request() is not None:
                await conversation.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                for _ in range(8):
                    await asyncio.sleep(0.05)
                    await conversation.say(b"1\r\n \r\n")
                body = COPIED.partition(b"\r\n\r\n")[2]
                await conversation.say(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))

        async with serve(play) as server, Client(access(server.url, read_timeout_s=0.15)) as client:
            return (await client.send(COPY)).etag, len(server.asked)

    assert run(main()) == ("e", 1)


def test_a_cancelled_call_gives_its_connection_up(run):
    async def main():
        async with serve(script(HANG, OK)) as server, Client(access(server.url), connections=1) as client:
            waiting = asyncio.create_task(client.send(GET))
            while not server.asked:
                await asyncio.sleep(0.001)
            behind = asyncio.create_task(client.send(GET))
            await asyncio.sleep(0)
            waiting.cancel()
            _, body = await behind
            with pytest.raises(asyncio.CancelledError):
                await waiting
            return body, client.opened()

    assert run(main()) == (b"hello", 2)


def test_a_closed_door_fails_what_waits_and_opens_nothing(run):
    async def main():
        async with serve(script(HANG, OK, OK)) as server:
            client = Client(access(server.url), connections=1, draw=lambda: 0.0)
            calls = [asyncio.create_task(client.send(GET)) for _ in range(3)]
            while not server.asked:
                await asyncio.sleep(0.001)
            await client.close()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            with pytest.raises(AwsError):
                await client.send(s3.get("another", "key"))
            return [type(each) for each in ended], len(server.asked)

    assert run(main()) == ([AwsError] * 3, 1)


# Streams


BIG = 24 << 20


def test_a_slow_reader_holds_the_server_back(run):
    async def main():
        sent = 0

        async def play(conversation):
            nonlocal sent
            await conversation.request()
            await conversation.say(b"HTTP/1.1 200 OK\r\nx-amz-request-id: R\r\ncontent-length: %d\r\n\r\n" % BIG)
            while sent < BIG:
                await conversation.say(b"x" * 65536)
                sent += 65536
            while await conversation.request() is not None:
                await conversation.say(OK)

        async with serve(play) as server, Client(access(server.url, read_timeout_s=0.2), connections=1) as client:
            async with client.stream(GET) as ((head, _), body):
                assert head.size_bytes == BIG
                first = await anext(body)
                for _ in range(30):
                    await asyncio.sleep(0.01)  # longer than the timeout: a slow reader is no slow server
                held_back = sent
                size, largest = len(first), 0
                async for chunk in body:
                    size += len(chunk)
                    largest = max(largest, len(chunk))
            assert (await client.send(GET))[1] == b"hello"
            return size, largest, held_back, client.opened()

    size, largest, held_back, opened = run(main())
    assert (size, opened) == (BIG, 1)
    assert held_back < BIG
    assert largest < 8 << 20


def test_a_stream_cut_off_raises(run):
    async def main():
        async with (
            serve(
                script((b"HTTP/1.1 200 OK\r\nx-amz-request-id: R\r\ncontent-length: 9\r\n\r\nhello", CLOSE))
            ) as server,
            Client(access(server.url)) as client,
        ):
            got = b""
            with pytest.raises(ConnectionLost) as caught:
                async with client.stream(GET) as (_, body):
                    async for chunk in body:
                        got += chunk
            return got, caught.value.begun

    assert run(main()) == (b"hello", True)


def test_an_abandoned_stream_ends_its_connection(run):
    async def main():
        async with (
            serve(
                script((b"HTTP/1.1 200 OK\r\nx-amz-request-id: R\r\ncontent-length: 9000000\r\n\r\nhello",), OK, OK)
            ) as server,
            Client(access(server.url), connections=1) as client,
        ):
            async with client.stream(GET) as (_, body):
                await anext(body)
            assert (await client.send(GET))[1] == b"hello"
            async with client.stream(GET) as (_, body):
                assert b"".join([chunk async for chunk in body]) == b"hello"
            return client.opened()

    assert run(main()) == 2


def test_a_stream_is_retried_until_it_begins(run):
    async def main():
        async with (
            serve(script(CLOSE, error(503, "SlowDown"), OK, error(404, "NoSuchKey"))) as server,
            Client(access(server.url), draw=lambda: 0.0) as client,
        ):
            async with client.stream(GET) as (_, body):
                assert b"".join([chunk async for chunk in body]) == b"hello"
            with pytest.raises(NotFound):
                async with client.stream(GET):
                    pass
            return len(server.asked)

    assert run(main()) == 4


# What is refused before it is sent


@pytest.mark.parametrize("value", ["a\r\nx-amz-acl: public-read", "a\nb", "a\rb", "a\0b", "\ud800"])
def test_a_header_can_not_smuggle_another(run, value):
    call = s3.put("box", "key", b"", headers={"x-amz-meta-a": value})
    (found, again), asked = talk(run, [OK], call, GET, connections=1)
    assert isinstance(found, UsageError)
    assert again[1] == b"hello", "the connection it had is not lost"
    assert len(asked) == 1


@pytest.mark.parametrize(
    "bucket", ["a b", "../x", "a/b", "b\r\nhost: x", "é", "arn:aws:s3:us-east-1:1:accesspoint/x", "x" * 300]
)
def test_what_is_no_bucket(run, bucket):
    found, asked = one(run, [OK], s3.get(bucket, "key"))
    assert (type(found), asked) == (UsageError, 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: s3.delete("box", ""),
        lambda: s3.put("box", "", b""),
        lambda: s3.get("box", ""),
        lambda: s3.head("box", ""),
        lambda: s3.copy("box", "k", source_bucket="box", source_key=""),
        lambda: s3.create_upload("box", ""),
    ],
)
def test_an_empty_key_would_name_the_bucket(make):
    """DELETE /box/ deletes the bucket."""
    with pytest.raises(UsageError, match="key"):
        make()


def test_a_message_that_is_no_text():
    with pytest.raises(UsageError, match="JSON"):
        sqs.send("http://q", [sqs.Entry("\ud800")])


# What must not be seen


def test_secrets_are_nowhere(run, caplog):
    """Not in errors, their causes, tracebacks or logs, even where the service repeats what it was sent."""
    caplog.set_level(logging.DEBUG)
    told = f"<Error><Code>SignatureDoesNotMatch</Code><Message>you sent {TOKEN} signed with {SECRET}</Message><StringToSign>{TOKEN}</StringToSign></Error>"
    steps = [
        answer(403, told.encode()),
        answer(418, f'{{"message": "{SECRET}"}}'.encode()),
        CLOSE,
        SECRET.encode() + b"\r\n\r\n",
    ]
    for step in steps:
        found, _ = one(run, [step] * 5, GET)
        assert isinstance(found, (AwsError, AccessDenied))
        shown = "".join(traceback.format_exception(found)) + repr(found) + found.hint + caplog.text
        assert SECRET not in shown
    assert TOKEN not in str(found)
    reach = access("http://x", proxy_url="http://me:hunter2@proxy")
    shown = repr(reach) + repr(KEYS) + str(KEYS) + repr(GET)
    assert not [secret for secret in (SECRET, TOKEN, "hunter2") if secret in shown]


def test_a_page_of_another_kind_is_a_bad_answer(run):
    for body in (
        b"<html><body>Sign in</body></html>",
        b"",
        b"{}",
        b"<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
    ):
        found, _ = one(run, [answer(200, body)], s3.list_objects("box"))
        assert isinstance(found, BadResponse)
        assert "ListObjectsV2 (box)" in str(found)
    found, _ = one(run, [answer(200, b"<html>")], RECEIVE, service="sqs")
    assert isinstance(found, BadResponse)


def test_any_call_may_be_made_of_a_request(run):
    call = Call(
        "GetBucketTagging", Request("GET", "/", "tagging=", bucket="box"), lambda response: response.body.decode()
    )
    assert one(run, [OK], call) == ("hello", 1)
