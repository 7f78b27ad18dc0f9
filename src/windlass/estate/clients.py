"""One botocore client per account, region and service, created once and shared, all with the same HTTP settings."""

from __future__ import annotations

import re
import threading
from typing import Any

from botocore.config import Config

from windlass import __version__
from windlass.core.errors import ConfigError
from windlass.estate.config import EstateConfig
from windlass.estate.facts import is_loopback
from windlass.estate.response_check import register

__all__ = ["ClientCache", "check_long_poll", "client_config", "make_client", "without_account_host"]

_LONG_POLL_MARGIN_S = 10.0
_ACCOUNT_HOST = re.compile(r"^(https?://)\d{12}\.")


def check_long_poll(wait_s: float, read_timeout_s: float) -> None:
    """Raise ConfigError when the client would cut off a long poll: the timeout must exceed the wait by 10 s."""
    least = wait_s + _LONG_POLL_MARGIN_S
    if read_timeout_s < least:
        raise ConfigError(
            f"a read timeout of {read_timeout_s:g} s is too short for a long poll of {wait_s:g} s: responses would be lost",
            hint=f"Set estate.read_timeout_s to at least {least:g}, or wait less.",
        )


def client_config(config: EstateConfig, *, read_timeout_s: float | None = None, connections: int = 0) -> Config:
    """Return the HTTP settings of every client. The estate retries itself (service.py), to count and pace retries in one place."""
    custom_s3 = bool(config.endpoint_of("s3"))
    return Config(
        connect_timeout=config.connect_timeout_s,
        read_timeout=read_timeout_s or config.read_timeout_s,
        max_pool_connections=connections or config.max_connections,
        tcp_keepalive=True,
        retries={"total_max_attempts": 1, "mode": "standard"},
        user_agent_extra=f"windlass/{__version__}",
        use_fips_endpoint=config.use_fips,
        use_dualstack_endpoint=config.use_dualstack,
        s3={"addressing_style": "path"} if custom_s3 else {"us_east_1_regional_endpoint": "regional"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # "api.127.0.0.1" is not a host: only AWS has the host prefixes of some operations.
        inject_host_prefix=not is_loopback(config.endpoint_url),
    )


class ClientCache:
    """The clients of all accounts. `session_of(account_id)` returns an account's session (sessions.py), or raises."""

    def __init__(self, config: EstateConfig, session_of: Any) -> None:
        self._config = config
        self._session_of = session_of
        self._client_config = client_config(config)
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}

    def get(self, account_id: str, region: str, service: str) -> Any:
        """Return the client, created on first use, one at a time per account: botocore's creation is not thread-safe."""
        key = (account_id, region, service)
        client = self._clients.get(key)
        if client is not None:
            return client
        with self._lock:
            making = self._making.setdefault(account_id, threading.Lock())
        with making:
            if key not in self._clients:
                self._clients[key] = self._make(account_id, region, service)
            return self._clients[key]

    def _make(self, account_id: str, region: str, service: str) -> Any:
        return make_client(self._session_of(account_id), self._config, region, service, self._client_config)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()


def make_client(session: Any, config: EstateConfig, region: str, service: str, settings: Config | None = None) -> Any:
    """Create a client of `session` with the estate's settings."""
    endpoint_url = config.endpoint_of(service)
    client = session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint_url or None,
        config=settings or client_config(config),
        verify=config.ca_bundle or None,
    )
    if endpoint_url and is_loopback(endpoint_url):
        # S3 Control puts the account in front of the host, which no loopback address has. The account travels in a
        # header as well. A handler, never a proxy setting: that could reach the real AWS when it is lost.
        client.meta.events.register("before-sign.s3-control", _strip_account)
    register(client)
    return client


def without_account_host(url: str) -> str:
    """Return a URL of a loopback endpoint without the account in front of its host."""
    return _ACCOUNT_HOST.sub(r"\1", url)


def _strip_account(request: Any, **_: Any) -> None:
    request.url = without_account_host(request.url)
