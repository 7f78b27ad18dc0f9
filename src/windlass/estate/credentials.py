"""The decision carried out: a botocore session that can reach the decided sources and no others.

Providers are kept by METHOD name; unless a profile is allowed, the session's config and credential files are the
null device, so that nothing under ~/.aws is even opened. Credentials are resolved at once: a broken role shows at
start, not at the first call of the night.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import botocore.credentials
import botocore.session
from botocore.configprovider import ConstantProvider
from botocore.exceptions import BotoCoreError, ProfileNotFound

from windlass.core.errors import ConfigError
from windlass.estate.policy import Decision
from windlass.estate.translate import translate

__all__ = ["EMBEDDED_ACCOUNT", "EMBEDDED_SECRET", "assumed_session", "base_session", "embedded_session"]

EMBEDDED_ACCOUNT = "111111111111"
EMBEDDED_SECRET = "windlass-local"


def base_session(decision: Decision, *, region: str) -> Any:
    """A session with the credentials of the decision, resolved. ConfigError is the decision's refusal, or its failure."""
    if decision.refusal:
        raise ConfigError(decision.refusal, hint=decision.hint, code="CredentialsRefused")
    session = _bare_session() if not decision.profile else botocore.session.Session(profile=decision.profile)
    try:
        resolver = botocore.credentials.create_credential_resolver(session, region_name=region)
        by_method = {provider.METHOD: provider for provider in resolver.providers}
        resolver.providers = [by_method[method] for method in decision.methods if method in by_method]
        session.register_component("credential_provider", resolver)
        credentials = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()
    except ProfileNotFound:
        raise ConfigError(
            f"profile {decision.profile!r} is not in the AWS configuration",
            hint="`aws configure list-profiles` shows those there are.",
        ) from None
    except BotoCoreError as error:
        raise translate(error, where="resolving credentials") from None
    if credentials is None:
        tried = ", ".join(decision.methods)
        raise ConfigError(
            f"no credentials came from the allowed sources ({tried})", hint="`windlass whoami` shows each source and why.",
            code="NoCredentials",
        )  # fmt: skip
    return session


def embedded_session(account_id: str, secret: str = "") -> Any:
    """Return a session with the embedded AWS's keys for an account: its fixed secret, or that of a start."""
    session = _bare_session()
    session.set_credentials(account_id, secret or EMBEDDED_SECRET)
    return session


def assumed_session(
    source: Any, client: Callable[..., Any], *, role_arn: str, external_id: str, session_name: str
) -> Any:
    """A session in another account, its credentials renewed by themselves before they end.

    `client(service)` makes the STS client that asks; it is made from `source`, whose credentials assume the role.
    """
    extra = {"RoleSessionName": session_name} | ({"ExternalId": external_id} if external_id else {})

    def fetch() -> dict[str, str]:
        answer = client("sts").assume_role(RoleArn=role_arn, **extra)["Credentials"]
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }

    session = _bare_session()
    credentials = botocore.credentials.DeferredRefreshableCredentials(method="assume-role", refresh_using=fetch)
    session.register_component("credential_provider", _Fixed(credentials))
    session.user_agent_extra = source.user_agent_extra
    return session


class _Fixed:
    """A credential provider of one answer."""

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Any:
        """botocore's name for it."""
        return self._credentials


def _bare_session() -> Any:
    session = botocore.session.Session()
    store = session.get_component("config_store")
    for name, value in (("config_file", os.devnull), ("credentials_file", os.devnull), ("profile", None)):
        store.set_config_provider(name, ConstantProvider(value))
    return session
