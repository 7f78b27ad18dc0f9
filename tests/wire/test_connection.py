"""Answers as servers really send them, cut anywhere; what is broken is said, and never taken for another request's answer."""

import asyncio
import contextlib
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.wire.memory import Fed, new_loop
from windlass.wire.errors import BrokenResponse, ConnectionLost

BODY = b"hello, \r\n\r\nHTTP/1.1 world"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Amz-Request-Id: R\r\n\r\n"
    b'5;name=value;other="a;b"\r\nhello\r\n14\r\n, \r\n\r\nHTTP/1.1 world\r\n0;last\r\nx-trailer: t\r\nX-Amz-Request-Id: no\r\n\r\n'
)
ANSWERS = {
    "content-length": (b"HTTP/1.1 200 OK\r\ncontent-length: 25\r\n\r\n" + BODY, 200, BODY, True),
    "chunked with extensions and trailers": (CHUNKED, 200, BODY, True),
    "100 continue first": (
        b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
        200,
        b"a",
        True,
    ),
    "100, 103, then the answer": (
        b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nlink: x\r\n\r\nHTTP/1.1 404 N\r\ncontent-length: 2\r\n\r\nno",
        404,
        b"no",
        True,
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n", 304, b"", True),
    "empty": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, b"", True),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 1\r\n\r\na", 200, b"a", True),
    "connection: close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 1\r\n\r\na", 200, b"a", False),
    "close among others": (b"HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 1\r\n\r\na", 200, b"a", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", 200, b"a", False),
    "HTTP/1.0 kept": (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\na", 200, b"a", True),
}
HEADS = {
    "a length and no body": (b'HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\netag: "e"\r\n\r\n', True),
    "no length": (b"HTTP/1.1 404 Not Found\r\nx: y\r\n\r\n", True),
    "chunked": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", True),
    "close": (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n", False),
}


@pytest.fixture(scope="module")
def loop():
    loop = new_loop()
    yield loop
    loop.close()


def ask(loop, data, cuts=(), **how):
    fed = Fed(loop)
    fed.ask(**how)
    fed.feed(data, cuts)
    return fed


def check(fed, status, body, kept):
    assert fed.outcome() == (status, body)
    assert fed.connection.closed is not kept
    assert fed.freed == [fed.connection]


@pytest.mark.parametrize("name", ANSWERS)
def test_every_split_point(loop, name):
    data, status, body, kept = ANSWERS[name]
    for cut in range(len(data)):
        check(ask(loop, data, [cut]), status, body, kept)
    check(ask(loop, data, range(len(data))), status, body, kept)


@pytest.mark.parametrize("name", HEADS)
def test_head_has_no_body_whatever_its_length_says(loop, name):
    data, kept = HEADS[name]
    for cut in range(len(data)):
        fed = ask(loop, data, [cut], head_only=True)
        assert fed.answer.result().body == b""
        assert (fed.connection.closed, fed.freed) == (not kept, [fed.connection])


@settings(max_examples=examples(100))
@given(st.data())
def test_many_answers_on_one_connection_cut_at_random(data):
    names = data.draw(
        st.lists(st.sampled_from([name for name, each in ANSWERS.items() if each[3]]), min_size=1, max_size=5)
    )
    with contextlib.closing(new_loop()) as loop:
        fed = Fed(loop)
        for name in names:
            text, status, body, _ = ANSWERS[name]
            fed.ask()
            fed.feed(text, data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
            assert fed.outcome() == (status, body), name
        assert len(fed.freed) == len(names)


def test_a_body_that_ends_with_the_connection(loop):
    fed = ask(loop, b"HTTP/1.1 200 OK\r\n\r\nall of it", [22])
    assert fed.outcome() == "nothing"
    fed.hang_up()
    check(fed, 200, b"all of it", False)


def test_trailers_are_no_headers(loop):
    fed = ask(loop, CHUNKED)
    assert fed.answer.result().headers == {"transfer-encoding": "chunked", "x-amz-request-id": "R"}


def test_headers_of_one_name_are_joined_and_bytes_survive(loop):
    fed = ask(loop, b"HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nb: \xc3\xa9\xff\r\ncontent-length: 0\r\n\r\n")
    headers = fed.answer.result().headers
    assert headers["a"] == "1,2"
    assert headers["b"].encode("utf-8", "surrogateescape") == b"\xc3\xa9\xff"


@pytest.mark.parametrize("name", ["content-length", "chunked with extensions and trailers", "100 continue first"])
def test_cut_off_anywhere_is_a_loss(loop, name):
    data = ANSWERS[name][0]
    for end in range(len(data)):
        fed = ask(loop, data[:end])
        fed.hang_up()
        error = fed.answer.exception()
        assert isinstance(error, ConnectionLost)
        assert error.begun is (end > 0)
        assert fed.freed == [fed.connection]


BROKEN = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02F",
    "both framings": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nab",
    "odd digits": "HTTP/1.1 200 OK\r\ncontent-length: ²\r\n\r\nab".encode(),
    "endless length": b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\nab",
    "bad chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n",
    "upgrade": b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nx",
    "status": b"HTTP/1.1 2000 OK\r\n\r\n",
    "too large": b"HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n",
    "too large without a length": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1048577,
    "too large in chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"1000\r\n" + b"x" * 4096 + b"\r\n" + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 256,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_said_at_once(loop, name):
    fed = ask(loop, BROKEN[name])
    assert fed.outcome() is BrokenResponse
    assert (fed.pipe.aborted, fed.freed) == (True, [fed.connection])


ENDLESS = {
    "head": (b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n"),
    "header": (b"HTTP/1.1 200 OK\r\nx: ", b"a" * 1000),
    "reason": (b"HTTP/1.1 200 ", b"a" * 1000),
    "100s": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "trailers": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x-more: and more\r\n"),
    "trailer": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", b"a" * 1000),
    "chunk extension": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;", b"a" * 1000),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_given_up(loop, name, stream):
    start, more = ENDLESS[name]
    fed = ask(loop, start + more * (1_000_000 // len(more)), stream=stream)
    assert fed.connection.closed
    assert fed.answer.done()
    assert fed.answer.exception() is None or isinstance(fed.answer.exception(), BrokenResponse)


def test_chunks_of_a_byte_are_read_in_proportion(loop):
    body = bytes(range(256)) * 400
    data = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"".join(b"2\r\n%b\r\n" % body[i : i + 2] for i in range(0, len(body), 2))
        + b"0\r\n\r\n"
    )
    peaks = []
    for _ in range(3):  # what other threads of the process allocate meanwhile is counted, too
        fed = Fed(loop)
        fed.ask()
        tracemalloc.start()
        fed.feed(data)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert fed.outcome() == (200, body)
    assert min(peaks) < 8 * len(body)


def test_a_server_that_speaks_unasked_gets_no_request(loop):
    fed = Fed(loop)
    fed.feed(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n")
    assert fed.connection.closed
    with pytest.raises(ConnectionLost) as caught:
        fed.ask()
    assert not caught.value.sent


@pytest.mark.parametrize("head_only", [False, True])
@pytest.mark.parametrize(
    "more", [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"x", b"\r\n\r\nHTTP/1.1 100 C\r\n\r\n", b"HTTP/1.1"]
)
def test_two_answers_to_one_request_end_the_connection(loop, more, head_only):
    """The second would be taken for the next request's: nothing smuggled may wait there."""
    first = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    fed = ask(loop, first + more, head_only=head_only)
    assert fed.outcome() == (200, b"")
    assert fed.connection.closed


def test_the_timer_looks_at_what_moves(loop):
    fed = Fed(loop)
    fed.pipe.unsent_bytes = 5_000_000
    fed.connection.send(b"PUT", b"x" * 20_000, head_only=False, limit=10, timeout_s=1, stream=False)
    fed.timer.stop()
    fed.pipe.unsent_bytes = 4_000_000  # a large body on its way out
    fed.timer.look_back()
    assert not fed.connection.closed
    fed.timer.stop()
    fed.timer.look_back()  # and nothing more went
    assert fed.connection.closed


def test_a_drip_is_no_answer_but_a_patient_call_waits(loop):
    for patient in (False, True):
        fed = Fed(loop)
        answer = fed.connection.send(b"PUT", b"", head_only=False, limit=1000, timeout_s=1, patient=patient)
        fed.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n ")
        fed.timer.stop()
        fed.timer.look_back()
        assert fed.connection.closed is not patient
        if not patient:
            assert answer.exception().timed_out
        else:
            fed.connection.close()
            assert answer.exception().begun


# Streams


def read_all(loop, body):
    async def reading():
        return b"".join([chunk async for chunk in body])

    return loop.run_until_complete(reading())


def test_a_stream_is_handed_over_with_its_head(loop):
    fed = ask(loop, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", stream=True, limit=1)
    response = fed.answer.result()
    assert (response.status, response.body) == (200, b"")
    fed.feed(b"world")
    assert read_all(loop, response.stream) == b"helloworld"
    assert (fed.freed, fed.connection.closed) == ([fed.connection], False)


def test_a_streams_error_comes_whole(loop):
    fed = ask(loop, b"HTTP/1.1 404 No\r\ncontent-length: 5\r\n\r\nhello", stream=True)
    assert fed.outcome() == (404, b"hello")


def test_a_stream_cut_off_says_so_after_what_came(loop):
    fed = ask(loop, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", stream=True)
    body = fed.answer.result().stream
    fed.hang_up()
    assert loop.run_until_complete(anext(body)) == b"hello"
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            loop.run_until_complete(anext(body))


def test_a_slow_reader_stops_the_socket_and_not_the_connection(loop):
    """4 MiB wait at most; and where the end came while it was paused, the next request is still read."""
    size = 5 << 20
    fed = ask(loop, b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size, stream=True)
    fed.feed(b"x" * (size - 10))
    assert fed.pipe.paused
    body = fed.answer.result().stream
    assert len(loop.run_until_complete(anext(body))) == size - 10
    assert not fed.pipe.paused
    fed.connection.pause()
    fed.feed(b"x" * 10)  # was in the TLS layer already
    assert body.ended
    assert not fed.pipe.paused
    fed.ask()
    fed.connection.pause()
    assert len(loop.run_until_complete(anext(body))) == 10
    assert fed.pipe.paused, "the old stream's reader must not touch the next one's socket"


def test_an_abandoned_stream_closes_its_connection(loop):
    fed = ask(loop, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", stream=True)
    fed.answer.result().stream.abandon()
    assert (fed.pipe.aborted, fed.freed) == (True, [fed.connection])
    whole = ask(loop, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", stream=True)
    whole.answer.result().stream.abandon()
    assert not whole.connection.closed


def test_a_cancelled_answer_is_not_set(loop):
    fed = Fed(loop)
    fed.ask().cancel()
    fed.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    assert fed.answer.cancelled()
    fed.connection.close()


def test_random_answers_are_answered_or_refused(loop):
    """See test_fuzz.py for more: here, that nothing is set twice."""
    for cut in range(len(CHUNKED)):
        fed = ask(loop, CHUNKED[:cut] + CHUNKED[cut + 1 :])
        fed.hang_up()
        assert fed.answer.done()
        assert isinstance(fed.answer.exception(), (ConnectionLost, BrokenResponse, type(None)))
        assert len(fed.freed) <= 2
    assert not asyncio.all_tasks(loop)
