"""Clients of the servers that are up: CloudFormation makes resources by calls to the server that started last."""

from __future__ import annotations

from windlass_local.sample_estate.clients import Clients

__all__ = ["add_server", "latest_clients", "remove_server"]

_SERVERS: list[tuple[str, Clients]] = []  # of the process, as moto's state is


def add_server(url: str) -> None:
    """Make clients for a server that has started."""
    _SERVERS.append((url, Clients(url)))


def remove_server(url: str) -> None:
    """Close the clients of a server that stops."""
    for server in [server for server in _SERVERS if server[0] == url]:
        _SERVERS.remove(server)
        server[1].close()


def latest_clients() -> Clients:
    """Return the clients of the server that started last."""
    return _SERVERS[-1][1]
