"""The ring: the published vectors of libmemcached and spymemcached, and the shares of a plan."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from windlass.memcached.ring import (
    Naming,
    Server,
    ketama,
    key_hash,
    moved_ketama,
    moved_modulo,
    owner_modulo,
    shares,
)

# From libmemcached's test/fixtures/ketama.hpp: key, its hash, its point, the last number of its server's address.
WEIGHTS = (600, 300, 200, 350, 1000, 800, 950, 100)
WEIGHTED = [
    ("SVa_]_V41)", 443691461, 445379617, 7),
    ("*/Z;?V(.\\8", 1422915503, 1428303028, 1),
    ("30C1*Z*S/_", 1473165754, 1480075959, 2),
    ("ERR:EC58G>", 2148406511, 2168579133, 7),
    ("1I=cTMNTKF", 2882686667, 2885206587, 5),
    ("]VG<`I*Z8)", 1103544263, 1104827657, 5),
    ("UUTC`-V159", 3716288206, 3727224240, 5),
    ("@7RU6C6T+Z", 3862737685, 3871917949, 5),
    ("/XLN0@+36;", 1623269830, 1627683651, 1),
    ("4(`X;\\V.^c", 373546328, 383925769, 1),
    ("726bW=9*a4", 4213440020, 4213950705, 7),
    ("P1[Ma3=K1/", 1989324036, 1994028240, 8),
    ("C89I.-V?cT", 1604239957, 1606398093, 8),
    ("D[HE+cFXDK", 2117036136, 2117124014, 3),
    ("cDT0)Z5P6,", 176485284, 178675413, 5),
    ("EM75N0+[X1", 1558531507, 1559308507, 4),
    ("6,cEI`F_P>", 3972869246, 3974773167, 6),
    ("XY\\X::LX50", 1749241099, 1752196488, 6),
    ("8*6a;Sc*X+", 4223431086, 4230156966, 2),
    ("0OZH^9BKM[", 3682518606, 3686781297, 8),
    ("[1ZXONX2]a", 4108881567, 4109865744, 4),
    ("VD6D0]ba_\\", 3842502950, 3842588691, 1),
]
SPY = [
    ("SVa_]_V41)", 2),
    ("*/Z;?V(.\\8", 4),
    ("30C1*Z*S/_", 2),
    ("ERR:EC58G>", 7),
    ("1I=cTMNTKF", 4),
    ("]VG<`I*Z8)", 5),
    ("UUTC`-V159", 7),
    ("@7RU6C6T+Z", 6),
    ("/XLN0@+36;", 7),
    ("4(`X;\\V.^c", 6),
    ("726bW=9*a4", 3),
    ("P1[Ma3=K1/", 1),
    ("C89I.-V?cT", 5),
    ("D[HE+cFXDK", 5),
    ("cDT0)Z5P6,", 1),
    ("EM75N0+[X1", 5),
    ("6,cEI`F_P>", 3),
    ("8*6a;Sc*X+", 5),
    ("0OZH^9BKM[", 2),
    ("\\`)<B)UE,c", 8),
    ("[1ZXONX2]a", 7),
    ("VD6D0]ba_\\", 7),
]
EIGHT = [Server(f"10.0.1.{number}") for number in range(1, 9)]


def test_weighted_ketama_matches_libmemcached():
    ring = ketama(EIGHT, weights=dict(zip(EIGHT, WEIGHTS, strict=True)))
    for key, hashed, point, number in WEIGHTED:
        assert key_hash(key) == hashed
        assert point in ring.points
        assert ring.owner(key) == Server(f"10.0.1.{number}"), key
    assert key_hash("VDEAAAAA") == 0xFFFCD1B5, "after the last point: the circle begins again"
    assert ring.owner("VDEAAAAA") == ring.owners[0]


def test_the_ring_matches_spymemcached():
    ring = ketama(EIGHT, weights=dict(zip(EIGHT, WEIGHTS, strict=True)), naming=Naming.SPYMEMCACHED)
    assert {key: ring.owner(key) for key, _ in SPY} == {key: Server(f"10.0.1.{number}") for key, number in SPY}


def test_a_nondefault_port_is_part_of_the_name():
    assert Server("h", 11211).name(Naming.LIBMEMCACHED) == "h"
    assert Server("h", 11212).name(Naming.LIBMEMCACHED) == "h:11212"
    with pytest.raises(ValueError, match="needs a server"):
        ketama([])


@pytest.mark.interop
def test_the_ring_matches_a_real_libmemcached():
    pylibmc = pytest.importorskip("pylibmc", reason="no pylibmc (Debian: apt-get install python3-pylibmc)")
    servers = [Server("127.0.0.1", 20000 + 7 * number) for number in range(30)]
    client = pylibmc.Client(
        [f"{server.host}:{server.port}" for server in servers], behaviors={"ketama_weighted": True, "hash": "md5"}
    )
    ring = ketama(servers)
    for number in range(2000):
        assert ring.owner(f"key-{number}") == servers[client.hash(f"key-{number}")], number


servers_of = st.integers(1, 25).map(lambda count: [Server(f"10.1.{count}.{n}") for n in range(count)])
some_servers = st.lists(st.integers(0, 60), min_size=1, max_size=25, unique=True).map(
    lambda numbers: [Server(f"10.9.0.{n}") for n in sorted(numbers)]
)


@settings(deadline=None, max_examples=examples(25))
@given(some_servers, some_servers)
def test_the_computed_share_matches_sampled_keys(before, after):
    ring_before, two = ketama(before), ketama(after)
    rng = random.Random(1)
    places = [rng.randrange(2**32) for _ in range(4000)]
    measured = sum(ring_before.owner_at(at) != two.owner_at(at) for at in places) / len(places)
    assert abs(moved_ketama(ring_before, two) - measured) < 0.05
    measured = sum(owner_modulo(before, at) != owner_modulo(after, at) for at in places) / len(places)
    assert abs(moved_modulo(before, after) - measured) < 0.05


@settings(deadline=None, max_examples=examples(25))
@given(some_servers)
def test_removing_a_node_moves_only_its_own_keys(servers):
    ring = ketama(servers)
    parts = shares(ring)
    assert abs(sum(parts.values()) - 1) < 1e-9
    assert moved_ketama(ring, ring) == 0
    if len(servers) > 1:
        left = ketama(servers[:-1])
        assert abs(moved_ketama(ring, left) - parts[servers[-1]]) < 1e-12


@settings(deadline=None)
@given(servers_of, st.binary(min_size=1))
def test_every_key_has_a_node(servers, key):
    assert ketama(servers).owner(key) in servers
    assert owner_modulo(servers, zlib.crc32(key)) in servers
