"""S3-compatible services (another cloud, MinIO, rclone), by their `[[service]]` names.

Their keys come from variables of the environment, a profile or a file: never from windlass.toml. The credential policy is about
AWS identities and does not apply here; credentials of the AWS chain (instance roles, containers) are never sent to them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import botocore.credentials
import botocore.session
from botocore.configprovider import ConstantProvider
from botocore.exceptions import BotoCoreError, ProfileNotFound
from botocore.httpsession import DEFAULT_CA_BUNDLE

from windlass import __version__
from windlass.core.access import Access, Keys
from windlass.core.errors import ConfigError, UsageError
from windlass.core.secret import Secret
from windlass.estate.access import proxy_for
from windlass.estate.config import EstateConfig, ServiceConfig

__all__ = ["Services"]

# The kinds of profile that are allowed; roles, SSO and machine credentials are for AWS only.
_PROVIDERS = ("shared-credentials-file", "config-file", "custom-process")


class Services:
    """The services of windlass.toml. They share the timeouts of `network`, the estate's configuration."""

    def __init__(
        self, configs: Sequence[ServiceConfig], environ: Mapping[str, str], network: EstateConfig | None = None
    ) -> None:
        self._configs = {config.name: config for config in configs}
        self._environ = environ
        self._network = network or EstateConfig()

    def find(self, name: str) -> ServiceConfig:
        """Return the service of this name. UsageError when it is not configured."""
        config = self._configs.get(name)
        if config is None:
            known = ", ".join(self._configs) or "none"
            raise UsageError(f"service {name!r} is not in windlass.toml", hint=f"[[service]] entries: {known}.")
        return config

    def access(self, name: str) -> Access:
        """Return the access to the service's S3. Its keys are read on use; ConfigError then when there are none."""
        config, network = self.find(name), self._network
        return Access(
            service="s3",
            region=config.region,
            endpoint_url=config.endpoint_url.rstrip("/"),
            keys=self._keys(config),
            service_label=name,
            path_style=config.path_style,
            ca_bundle=config.ca_bundle or os.environ.get("AWS_CA_BUNDLE", "") or str(DEFAULT_CA_BUNDLE),
            proxy_url=proxy_for(config.endpoint_url),
            connect_timeout_s=network.connect_timeout_s,
            read_timeout_s=network.read_timeout_s,
            max_connections=config.max_connections,
            user_agent=f"windlass/{__version__}",
            crc32=False,
        )

    def _keys(self, config: ServiceConfig) -> Callable[[], Keys]:
        if config.profile or config.credentials_file:
            return lambda: _of_profile(config)
        return lambda: _of_environment(config, self._environ)


def _of_environment(config: ServiceConfig, environ: Mapping[str, str]) -> Keys:
    missing = [name for name in (config.access_key_name, config.secret_key_name) if not environ.get(name)]
    if missing:
        raise ConfigError(
            f"service {config.name}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            hint=f"Set {'it' if len(missing) == 1 else 'them'}, or name a profile or credentials_file in [[service]].",
            code="NoCredentials",
        )
    token = environ.get(config.session_token_env, "") if config.session_token_env else ""
    secret = Secret(environ[config.secret_key_name])
    return Keys(environ[config.access_key_name], secret, Secret(token) if token else None)


def _of_profile(config: ServiceConfig) -> Keys:
    """Return a profile's keys, from the AWS files or `credentials_file`."""
    file = str(Path(config.credentials_file).expanduser()) if config.credentials_file else ""
    if file and not Path(file).is_file():
        raise ConfigError(
            f"service {config.name}: credentials_file {config.credentials_file} does not exist",
            hint="Create it in the format of ~/.aws/credentials.",
            code="NoCredentials",
        )
    profile = config.profile or "default"
    session = botocore.session.Session(profile=profile)
    if file:
        store = session.get_component("config_store")
        store.set_config_provider("credentials_file", ConstantProvider(file))
        store.set_config_provider("config_file", ConstantProvider(os.devnull))
    try:
        resolver = botocore.credentials.create_credential_resolver(session, region_name=config.region)
        resolver.providers = [provider for provider in resolver.providers if provider.METHOD in _PROVIDERS]
        credentials = resolver.load_credentials()
        frozen = credentials.get_frozen_credentials() if credentials is not None else None
    except ProfileNotFound:
        frozen = None
    except BotoCoreError as error:
        # The output of a process or a broken file may be a secret: only the kind of error is shown.
        raise ConfigError(
            f"service {config.name}: the keys of profile {profile!r} can't be read ({type(error).__name__})",
            hint="Check its credential_process, or the file.",
            code="NoCredentials",
        ) from None
    if frozen is None:
        raise ConfigError(
            f"service {config.name}: profile {profile!r} has no access key{f' in {config.credentials_file}' if file else ''}",
            hint="Give it aws_access_key_id and aws_secret_access_key.",
            code="NoCredentials",
        )
    return Keys(frozen.access_key, Secret(frozen.secret_key), Secret(frozen.token) if frozen.token else None)
