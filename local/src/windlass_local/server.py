"""Start and stop of the embedded AWS: in this process, on a separate thread."""

from __future__ import annotations

import functools
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from windlass_local.exceptions import ConfigError
from windlass_local.faults import Faults, read_rules
from windlass_local.guard import Guard, HostRules, check_origin
from windlass_local.sample_estate.clients import SECRET, SECRETS
from windlass_local.signature import Signatures

if TYPE_CHECKING:
    from windlass_local.gateway import Gateway
    from windlass_local.request import Request, Response

__all__ = ["Access", "LocalServer"]

_LOOPBACK = ("127.0.0.1", "localhost")
_START_S = 30.0
# Longer than SDKs keep idle connections (Go: 90 s): the client then closes first, and no call is lost or repeated.
_KEEP_ALIVE_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The callers that are allowed besides programs that use loopback's names.

    `hosts` are further names in the Host header (`*.name` for all below); `origins` may read S3 from web pages; with
    `require_signature` only callers with the secret of this start are accepted; `moto_api` serves moto's control API.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    require_signature: bool = False
    moto_api: bool = False

    def rules(self) -> HostRules:
        """Return the guard's rules. ConfigError for an origin that is none."""
        try:
            origins = frozenset(check_origin(origin) for origin in self.origins)
        except ValueError as error:
            raise ConfigError(
                str(error), hint="Give scheme, host and port, as in http://localhost:5173, no pattern."
            ) from None
        return HostRules(hosts=frozenset(host.lower() for host in self.hosts), origins=origins)


class LocalServer:
    """`with LocalServer(port=0) as server: server.url`. A bind address other than loopback is a ConfigError.

    moto's state belongs to the process: a second server in the same process serves the same estate. `copy_limit_bytes` is
    what one CopyObject may copy while this server is up (5 GiB if not given, as in AWS). `secret` is the secret access key
    of this start where `access` requires signatures, else empty.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Iterable[dict[str, Any]] = (),
        cache_node_s: float | None = None,
        copy_limit_bytes: int | None = None,
        access: Access = Access(),
    ) -> None:
        if host not in _LOOPBACK:
            raise ConfigError(
                f"the embedded AWS cannot listen on {host}",
                hint="It has no access control; use 127.0.0.1.",
            )
        self._rules_of_access = access.rules()
        self._access = access
        self.secret = secrets.token_urlsafe(30) if access.require_signature else ""
        self._port = port
        self._cache_node_s = cache_node_s
        self._copy_limit_bytes = copy_limit_bytes
        try:
            self._rules = read_rules(faults)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"a fault rule is invalid: {error}", hint="docs/guide/local.md describes fault rules."
            ) from None
        self.url = ""

    def __enter__(self) -> Self:
        self._socket = self._bind()
        try:
            self.gateway = _build(Faults(self._rules), self._access, self.secret)
        except BaseException:
            self._socket.close()
            raise
        from windlass_local.services import elasticache

        elasticache.started(self)
        if self._cache_node_s is not None:
            elasticache.CACHE_TIMING.node_s = self._cache_node_s
        if self._copy_limit_bytes is not None:
            from windlass_local.s3.limits import LIMITS

            LIMITS.copy_bytes = self._copy_limit_bytes
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        SECRETS[self.url] = self.secret or SECRET
        config = uvicorn.Config(
            Guard(self.gateway, self._rules_of_access),
            http="httptools",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="embedded-aws", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise ConfigError("the embedded AWS did not start", hint="Read its log on stderr.")
            time.sleep(0.005)
        _services().open_all(self.url, self.gateway.faults)
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.drop_waiting_calls()
        _services().close_all(
            self.url, self.gateway.faults
        )  # functions end first: calls that wait for them would delay the stop
        self._server.should_exit = True
        self._thread.join(10)
        self.gateway.close()
        self._socket.close()
        SECRETS.pop(self.url, None)
        from windlass_local.services import elasticache

        elasticache.stopped(self)
        if self._copy_limit_bytes is not None:
            from windlass_local.s3.limits import LIMITS, Limits

            LIMITS.copy_bytes = Limits().copy_bytes

    def _bind(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by accepted sockets
        try:
            listener.bind(("127.0.0.1", self._port))
        except OSError as error:
            listener.close()
            raise ConfigError(
                f"port {self._port} is not available: {error.strerror}",
                hint="Another embedded AWS may be running; use --port 0 for a free port.",
            ) from None
        return listener


def _build(faults: Faults, access: Access, secret: str) -> Gateway:
    # Hundreds of Amazon's own images and snapshots belong to no estate and cost a second of every start.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    try:
        from windlass_local.cloudtrail.management import ManagementEvents
        from windlass_local.cloudtrail.recorder import Recorder
        from windlass_local.dispatch import Dispatcher
        from windlass_local.gateway import Gateway
        from windlass_local.moto_names import self_check
        from windlass_local.services import install_all, natives
        from windlass_local.services.elasticache import cache_nodes
        from windlass_local.services.lambda_ import processes
        from windlass_local.services.s3 import page_headers
        from windlass_local.services.storagegateway import share_files
    except ImportError as error:
        raise ConfigError(
            f"the embedded AWS cannot be loaded: moto is missing or has another version ({error})",
            hint="pip install 'windlass-aws[local]'",
        ) from None

    self_check()
    install_all()
    recorder, management = Recorder(), ManagementEvents()

    def watch(request: Request, answer: Response) -> None:
        recorder.watch(request, answer)
        management.watch(request, answer)

    return Gateway(
        Dispatcher(control_api=access.moto_api),
        natives(),
        _account_of,
        {
            "/_windlass/fileshares/": share_files,
            "/_windlass/memcached/": cache_nodes,
            "/_windlass/functions": processes,
            "/_windlass/trails": recorder.page,
        },
        faults,
        watch,
        page_headers,
        Signatures(secret, functools.partial(_secret_of, secret)).refusal if secret else lambda _: None,
    )


def _services() -> ModuleType:
    from windlass_local import services

    return services


def _secret_of(secret: str, access_key: str) -> str | None:
    """Return the secret of a key: that of this start for an account's own key, moto's for keys of IAM and STS."""
    from moto.iam.models import iam_backends

    if len(access_key) == 12 and access_key.isdigit():
        return secret
    for partitions in list(iam_backends.values()):
        for backend in list(partitions.values()):
            if access_key in backend.access_keys:
                key = backend.access_keys[access_key]
                return str(key.secret_access_key) if key.status == "Active" else None
    return None


def _account_of(access_key: str) -> str:
    """Return the account of an access key id: the id itself when it has twelve digits, else the account that moto knows."""
    from moto.iam.models import get_account_id_from

    if len(access_key) == 12 and access_key.isdigit():
        return access_key
    return str(get_account_id_from(access_key))
