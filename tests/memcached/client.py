"""A cache client for tests, like an application's: auto-discovery, and ketama or modulo hashing."""

import socket
import zlib
from collections import defaultdict

from windlass.memcached.protocol import read_config
from windlass.memcached.ring import Server, ketama, owner_modulo


class Client:
    """Sets and gets many keys at once; `get` returns the set of keys that are in the cache."""

    def __init__(self, endpoint, hashing):
        self.servers = discover(*endpoint)
        self._ring = ketama(self.servers)
        self._hashing = hashing

    def node_of(self, key):
        if self._hashing == "ketama":
            return self._ring.owner(key)
        return owner_modulo(self.servers, zlib.crc32(key.encode()))

    def by_node(self, keys):
        by_node = defaultdict(list)
        for key in keys:
            by_node[self.node_of(key)].append(key)
        return by_node

    def set(self, keys):
        for server, node_keys in self.by_node(keys).items():
            stored = ask(
                server,
                "".join(f"set {key} 0 0 1\r\nx\r\n" for key in node_keys).encode(),
                b"STORED\r\n",
                len(node_keys),
            )
            assert stored.count(b"STORED") == len(node_keys)

    def get(self, keys):
        present = set()
        for server, node_keys in self.by_node(keys).items():
            for at in range(0, len(node_keys), 100):
                answer = ask(server, f"get {' '.join(node_keys[at : at + 100])}\r\n".encode(), b"END\r\n", 1)
                present |= {line.split()[1].decode() for line in answer.split(b"\r\n") if line.startswith(b"VALUE")}
        return present

    def flush(self):
        for server in self.servers:
            ask(server, b"flush_all\r\n", b"OK\r\n", 1)


def discover(host, port):
    with socket.create_connection((host, port), timeout=10) as line:
        line.sendall(b"config get cluster\r\n")
        data = b""
        while (config := read_config(data)) is None:
            data += line.recv(65536)
    return [Server(node.host, node.port) for node in config.nodes]


def ask(server, command, end, count):
    with socket.create_connection((server.host, server.port), timeout=20) as line:
        line.sendall(command)
        data = b""
        while data.count(end) < count:
            block = line.recv(1 << 20)
            assert block, data[-200:]
            data += block
    return data
