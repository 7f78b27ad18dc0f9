"""A node's server from the inside: commands cut from any stream, and our memcached beside the real one."""

import shutil
import socket
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from windlass_local.elasticache.commands import Commands
from windlass_local.elasticache.memory_server import MemoryServer
from windlass_local.elasticache.node_servers import NodeServers

STREAM = b"set a 0 0 5\r\nend\r\n\r\nget a b\r\nms k 2 T0\r\nhi\r\nconfig get cluster\r\n\r\nversion\nquit\r\n"
KEYS = st.sampled_from(["a", "b", "c", "longer-key"])
VALUES = st.sampled_from(["", "x", "12", "007", "0", "18446744073709551615", "abc def"])
COMMANDS = st.one_of(
    st.builds(
        lambda verb, key, flags, value: f"{verb} {key} {flags} 0 {len(value)}\r\n{value}\r\n",
        st.sampled_from(["set", "add", "replace", "append", "prepend"]),
        KEYS,
        st.integers(0, 3),
        VALUES,
    ),
    st.builds("get {} {}\r\n".format, KEYS, KEYS),
    st.builds("delete {}\r\n".format, KEYS),
    st.builds("{} {} {}\r\n".format, st.sampled_from(["incr", "decr"]), KEYS, st.sampled_from(["1", "7", "99999"])),
    st.builds("touch {} 100\r\n".format, KEYS),
    st.sampled_from(["flush_all\r\n", "nonsense\r\n", "get\r\n", "verbosity 1\r\n"]),
    st.builds(lambda key, value: f"set {key} 0 -1 {len(value)}\r\n{value}\r\n", KEYS, VALUES),
)


@given(st.lists(st.integers(1, len(STREAM)), max_size=12))
def test_commands_are_the_same_however_the_stream_is_cut(cuts):
    commands, result, at = Commands(), [], 0
    for cut in [*sorted(cuts), len(STREAM)]:
        result += commands.feed(STREAM[at:cut])
        at = max(at, cut)
    assert b"".join(entry.raw for entry in result) == STREAM
    assert [entry.words[:1] for entry in result] == [
        (b"set",),
        (b"get",),
        (b"ms",),
        (b"config",),
        (),
        (b"version",),
        (b"quit",),
    ]
    assert result[0].data == b"end\r\n"


@given(st.lists(st.binary(max_size=40)))
def test_no_stream_loses_a_byte_or_raises(blocks):
    commands, cut = Commands(), b""
    for block in blocks:
        cut += b"".join(entry.raw for entry in commands.feed(block))
    assert cut + commands.rest() == b"".join(blocks)


def test_what_can_not_be_cut_is_said_and_left_whole():
    binary = Commands()
    assert [entry.words for entry in binary.feed(b"version\r\n\x80\x00\x01rest")] == [(b"version",)]
    assert (binary.binary, binary.rest()) == (True, b"\x80\x00\x01rest")
    for data, says in (
        (b"set a 0 0 x\r\nabc\r\n", "bad data chunk"),
        (b"set a 0 0 2\r\nabc\r\n", "bad data chunk"),
        (b"x" * 9000, "too large"),
    ):
        broken = Commands()
        assert broken.feed(data) == []
        assert says in broken.broken
        assert broken.rest() == data


def answer(memory, text):
    return b"".join(memory.answer(entry) for entry in Commands().feed(text.encode()))


def test_items_expire_are_evicted_and_compared():
    now = [1_000_000.0]
    memory = MemoryServer(limit_bytes=2000, clock=lambda: now[0])
    answer(memory, "set a 5 10 1\r\nx\r\n")
    assert answer(memory, "get a\r\n") == b"VALUE a 5 1\r\nx\r\nEND\r\n"
    unique = answer(memory, "gets a\r\n").split()[4].decode()
    assert answer(memory, f"cas a 0 0 1 {unique}\r\ny\r\n") == b"STORED\r\n"
    assert answer(memory, f"cas a 0 0 1 {unique}\r\nz\r\n") == b"EXISTS\r\n"
    answer(memory, "set b 0 10 1\r\nx\r\n")
    now[0] += 11
    assert answer(memory, "get b\r\n") == b"END\r\n"
    for number in range(30):
        answer(memory, f"set k{number} 0 0 100\r\n{'v' * 100}\r\n")
    stats = dict(
        line.split()[1:] for line in answer(memory, "stats\r\n").decode().splitlines() if line.startswith("STAT")
    )
    assert int(stats["evictions"]) > 10
    assert int(stats["bytes"]) <= 2000
    assert (answer(memory, "get k0\r\n"), answer(memory, "get k29\r\n")[:5]) == (b"END\r\n", b"VALUE")
    assert (stats["get_hits"], stats["get_misses"], stats["get_expired"]) == ("2", "1", "1")
    assert answer(memory, "set q 0 0 1 noreply\r\nx\r\n") == b""


class Ends:
    """Two nodes of one fleet each: the real program, and ours."""

    def __init__(self):
        self.fleets = [NodeServers(), NodeServers(program=lambda: "")]
        self.ports = [fleet.open(lambda _: None) for fleet in self.fleets]
        self.lines = [socket.create_connection(("127.0.0.1", port), timeout=10) for port in self.ports]

    def say(self, number, text):
        self.lines[number].sendall(text.encode() + b"mn\r\n")
        data = b""
        while not data.endswith(b"MN\r\n"):
            data += self.lines[number].recv(65536)
        return data

    def close(self):
        for line in self.lines:
            line.close()
        for fleet in self.fleets:
            fleet.close()


@pytest.fixture(scope="module")
def ends():
    if not shutil.which("memcached"):
        pytest.skip("no memcached on the PATH (Debian: apt-get install memcached)")
    both = Ends()
    yield both
    both.close()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(COMMANDS, min_size=1, max_size=12))
def test_our_memcached_answers_as_the_real_one(ends, script):
    for number in (0, 1):
        ends.say(number, "flush_all\r\n")
    for text in script:
        assert ends.say(1, text) == ends.say(0, text), text


@pytest.mark.parametrize("program", ["memcached", "ours"])
def test_many_clients_at_once_start_one_server_and_lose_nothing(program):
    if program == "memcached" and not shutil.which("memcached"):
        pytest.skip("no memcached on the PATH (Debian: apt-get install memcached)")
    fleet = NodeServers() if program == "memcached" else NodeServers(program=lambda: "")
    port = fleet.open(lambda _: None)
    message = []

    def one(number):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            line.sendall(f"set k{number} 0 0 1\r\nx\r\nget k{number}\r\n".encode())
            data = b""
            while not data.endswith(b"END\r\n"):
                data += line.recv(4096)
            message.append(data)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(message) == 20
    assert all(data.startswith(b"STORED\r\nVALUE") for data in message)
    assert fleet.running(port) == ("memcached" if program == "memcached" else "memory")
    fleet.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    fleet.close()
