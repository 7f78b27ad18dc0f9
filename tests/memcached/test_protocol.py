"""Replies of nodes are parsed in pieces of any size, and hostile bytes do no harm."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from windlass.memcached.protocol import (
    ClusterConfig,
    ConfigNode,
    MalformedReply,
    UnknownCommand,
    read_config,
    read_stats,
)
from windlass.memcached.ring import Server

# The example of the ElastiCache user guide, "Adding Auto Discovery to your client library".
NODES = "myCluster.pc4ldq.0001.use1.cache.amazonaws.com|10.82.235.120|11211 myCluster.pc4ldq.0002.use1.cache.amazonaws.com||11211"
BODY = f"12\n{NODES}\n"
REPLY = f"CONFIG cluster 0 {len(BODY)}\r\n{BODY}\r\nEND\r\n".encode()
OLD = f"VALUE AmazonElastiCache:cluster 0 {len(BODY)}\r\n{BODY}\r\nEND\r\n".encode()
STATS = b"STAT pid 1\r\nSTAT get_hits 7\r\nSTAT version 1.6.18 x\r\nEND\r\n"
pieces = st.lists(
    st.sampled_from([REPLY, OLD, STATS, b"ERROR\r\n", b"END\r\n", b"CONFIG cluster 0 3\r\n", b"\r\n"])
    | st.binary(max_size=60),
    max_size=4,
)


@pytest.mark.parametrize("reply", [REPLY, OLD])
def test_the_user_guides_example_is_parsed(reply):
    config = read_config(reply)
    assert config.version == 12
    assert [node.server.host for node in config.nodes] == [
        f"myCluster.pc4ldq.000{n}.use1.cache.amazonaws.com" for n in (1, 2)
    ]
    assert config.nodes[0] == ConfigNode("myCluster.pc4ldq.0001.use1.cache.amazonaws.com", "10.82.235.120", 11211)
    assert config.nodes[1].address == "", "the address may be missing"


@pytest.mark.parametrize("reply", [REPLY, OLD])
def test_an_incomplete_reply_is_none(reply):
    assert [read_config(reply[:size]) for size in range(len(reply))] == [None] * len(reply)
    assert isinstance(read_config(reply), ClusterConfig)
    assert [read_stats(STATS[:size]) for size in range(len(STATS))] == [None] * len(STATS)
    assert read_stats(STATS) == {"pid": "1", "get_hits": "7", "version": "1.6.18 x"}


def test_a_server_is_its_host_name_or_its_address():
    assert ConfigNode("name", "10.0.0.1", 1).server == Server("name", 1)
    assert ConfigNode("", "10.0.0.1", 1).server == Server("10.0.0.1", 1)


@pytest.mark.parametrize("reply", [b"ERROR\r\n", b"END\r\n"])
def test_a_server_without_a_configuration_is_an_unknown_command(reply):
    with pytest.raises(UnknownCommand):
        read_config(reply)


def config(body):
    return f"CONFIG cluster 0 {len(body)}\r\n{body}\r\nEND\r\n".encode()


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        config("x\nh|1|1\n"),
        config("1"),
        config("1\nh|1.2.3.4|0\n"),
        config("1\nh|1.2.3.4|70000\n"),
        config("1\n||11211\n"),
        config("1\nh|11211\n"),
        config("1\nh|i|p\n"),
        REPLY.replace(b"\r\nEND", b"\r\nEnd"),
        b"x" * (2 << 20),
        config("١\nh|1|1\n"),
        config("1\nh|1|١\n"),
        b"CONFIG cluster 0 99999999999\r\n",
    ],
)
def test_anything_but_a_reply_is_malformed(reply):
    with pytest.raises(MalformedReply):
        read_config(reply)


@given(pieces.map(b"".join) | st.binary())
@example(b"STAT \r\n")
@example(b"CONFIG cluster 0 0\r\n\r\nEND\r\n")
def test_any_bytes_are_a_reply_incomplete_or_refused(data):
    for read, refusals in ((read_config, (MalformedReply, UnknownCommand)), (read_stats, (MalformedReply,))):
        try:
            parsed = read(data)
        except refusals:
            continue
        assert parsed is None or isinstance(parsed, (ClusterConfig, dict))
        if isinstance(parsed, ClusterConfig):
            assert all(0 < node.port < 65536 and node.server.host for node in parsed.nodes)
