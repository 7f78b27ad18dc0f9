"""boto3 clients of other people's programs (ADR 0010): one per account, region and service."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

__all__ = ["SECRET", "SECRETS", "Clients", "EstateRegion"]

SECRET = "windlass-local"
"""The secret access key where no signature is required."""
SECRETS: dict[str, str] = {}
"""The secret of each server that is up in this process, by its URL."""
_LOADER = "data_loader"


class Clients:
    """All clients of one endpoint. Creating them is serialized, using them is not.

    `sessions` are keys, secrets and tokens of assumed roles, by account.
    `secret` is needed when the server runs in another process and requires signatures.
    """

    def __init__(
        self, endpoint_url: str, secret: str = "", sessions: Mapping[str, tuple[str, str, str]] | None = None
    ) -> None:
        self._endpoint_url = endpoint_url
        self._assumed = sessions or {}
        self._secret = secret or SECRETS.get(endpoint_url, SECRET)
        self._lock = threading.Lock()
        self._loader = botocore.loaders.create_loader()
        self._sessions: dict[str, Any] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._config = Config(
            retries={"total_max_attempts": 2, "mode": "standard"},
            s3={"addressing_style": "path"},
            max_pool_connections=16,
            user_agent_extra="harbour-terraform",
            request_checksum_calculation="when_required",
        )
        self.created: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def get(self, account_id: str, region: str, service: str) -> Any:
        """Return the client of an account, region and service."""
        key = (account_id, region, service)
        with self._lock:
            if key not in self._clients:
                session = self._sessions.get(account_id)
                if session is None:
                    session = self._sessions[account_id] = botocore.session.Session()
                    session.set_credentials(*self._assumed.get(account_id, (account_id, self._secret)))
                    session.register_component(_LOADER, self._loader)
                # botocore presigns S3 URLs with version 2 by default.
                config = self._config.merge(Config(signature_version="s3v4")) if service == "s3" else self._config
                self._clients[key] = session.create_client(
                    service, region_name=region, endpoint_url=self._endpoint_url, config=config
                )
            return self._clients[key]

    def note(self, kind: str, *, skipped: bool = False) -> None:
        """Count one made (or left out) resource."""
        with self._lock:
            (self.skipped if skipped else self.created)[kind] += 1

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()


class EstateRegion:
    """One account and region. `make` counts what it creates and skips operations that the embedded AWS does not have."""

    def __init__(self, clients: Clients, account_id: str, region: str) -> None:
        self._clients = clients
        self.account_id = account_id
        self.region = region

    def client(self, service: str) -> Any:
        """Return a client of this account and region."""
        return self._clients.get(self.account_id, self.region, service)

    def make(self, kind: str, call: Callable[..., Any], **params: Any) -> Any:
        """Make the call and count its result as one `kind`; None when the embedded AWS does not have the operation."""
        try:
            response = call(**params)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NotImplemented", "UnsupportedOperation"):
                raise
            self._clients.note(kind, skipped=True)
            return None
        self._clients.note(kind)
        return response
