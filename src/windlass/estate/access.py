"""Builds the wire's Access from botocore: endpoint, keys, proxy and certificates."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import DEFAULT_CA_BUNDLE

from windlass import __version__
from windlass.core.access import Access, Keys
from windlass.core.errors import ConfigError
from windlass.core.secret import Secret
from windlass.estate.config import EstateConfig
from windlass.estate.translate import translate

__all__ = ["ca_bundle_of", "make_access", "proxy_for"]


def make_access(
    config: EstateConfig,
    client: Any,
    session: Any,
    account_id: str,
    region: str,
    client_in: Callable[[str, str, str], Any],
) -> Access:
    """Return the Access of `client`. botocore decides partition, FIPS and dual-stack. No call to AWS."""
    service = client.meta.service_model.service_name
    endpoint = str(client.meta.endpoint_url)
    custom = bool(config.endpoint_of(service)) or _overridden(config)

    def keys() -> Keys:
        try:
            credentials = session.get_credentials()
            frozen = credentials.get_frozen_credentials() if credentials is not None else None
        except (BotoCoreError, ClientError) as error:
            raise translate(error, where=f"renewing credentials of {account_id}") from None
        if frozen is None:
            raise ConfigError("no credentials were found", hint="`windlass whoami` shows each source and the reason.")
        return Keys(frozen.access_key, Secret(frozen.secret_key), Secret(frozen.token) if frozen.token else None)

    def regional_endpoint(other: str) -> str:
        return str(client_in(account_id, other, service).meta.endpoint_url)

    return Access(
        service=service,
        region=region,
        endpoint_url=endpoint,
        keys=keys,
        account_id=account_id,
        regional_endpoint=(lambda _: "") if custom else regional_endpoint,
        path_style=custom,
        ca_bundle=ca_bundle_of(config),
        proxy_url=proxy_for(endpoint),
        connect_timeout_s=config.connect_timeout_s,
        read_timeout_s=config.read_timeout_s,
        max_connections=config.max_connections,
        user_agent=f"windlass/{__version__}",
    )


def ca_bundle_of(config: EstateConfig) -> str:
    """Return the file of certificates to trust: the configured one, the environment's, or botocore's."""
    return config.ca_bundle or os.environ.get("AWS_CA_BUNDLE", "") or str(DEFAULT_CA_BUNDLE)


def _overridden(config: EstateConfig) -> bool:
    """Return whether the environment sets endpoints and is allowed to: they may not know a bucket by its host name."""
    return config.allow_endpoint_override and any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)


def proxy_for(endpoint: str) -> str:
    """Return the proxy for this endpoint by HTTP(S)_PROXY and NO_PROXY, read as the AWS CLI reads them."""
    parts = urlsplit(endpoint)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return ""
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"
