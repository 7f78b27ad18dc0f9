"""Builds the botocore session of a decision: it reaches the allowed sources and no others.

Providers are kept by METHOD name; unless a profile is allowed, the session's config and credential files are the
null device, so that nothing under ~/.aws is even opened. Credentials are resolved at once: a broken role fails at
start, not at the first call. Whatever a source raises, now or when it is renewed, becomes a plain message
(credential_errors.py); botocore's own tracebacks stay out of the terminal.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import botocore.credentials
import botocore.session
from botocore.configprovider import ConstantProvider
from botocore.exceptions import BotoCoreError, ProfileNotFound

from windlass.core.aws_errors import masked
from windlass.core.errors import ConfigError
from windlass.estate.credential_errors import CredentialSource, explain, no_credentials
from windlass.estate.model_loader import shared_loader
from windlass.estate.policy import Decision
from windlass.estate.translate import translate

__all__ = ["EMBEDDED_ACCOUNT", "EMBEDDED_SECRET", "assumed_session", "base_session", "embedded_session"]

EMBEDDED_ACCOUNT = "111111111111"
EMBEDDED_SECRET = "windlass-local"


def base_session(
    decision: Decision, *, region: str, ca_bundle: str = "", environ: Mapping[str, str] = os.environ
) -> Any:
    """Return a session with the decision's credentials, resolved. ConfigError when it is a refusal, or no source has any.

    `ca_bundle` is trusted by the clients that botocore makes itself to get credentials (STS, SSO), too.
    """
    if decision.refusal:
        raise ConfigError(decision.refusal, hint=decision.hint, code="CredentialsRefused")
    session = _session(decision.profile) if decision.profile else _bare_session()
    if ca_bundle:
        session.set_config_variable("ca_bundle", ca_bundle)
    _silence_tracebacks()
    try:
        sources = _sources(session, decision, environ)
        resolver = botocore.credentials.create_credential_resolver(session, region_name=region)
        by_method = {provider.METHOD: provider for provider in resolver.providers}
        resolver.providers = [
            _Explained(by_method[method], sources[method]) for method in decision.methods if method in by_method
        ]
        session.register_component("credential_provider", resolver)
        credentials = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()
    except ProfileNotFound:
        raise ConfigError(
            f"profile {decision.profile!r} is not in the AWS configuration",
            hint="`aws configure list-profiles` lists the profiles.",
        ) from None
    except BotoCoreError as error:
        raise translate(error, where="resolving credentials") from None
    if credentials is None:
        raise no_credentials([sources[method] for method in decision.methods])
    return session


def _sources(session: Any, decision: Decision, environ: Mapping[str, str]) -> dict[str, CredentialSource]:
    """Return what each allowed method reads, for messages."""
    profiles = session.full_config.get("profiles", {}) if decision.profile else {}
    return {
        method: CredentialSource(
            method=method, profile=decision.profile, settings=profiles.get(decision.profile, {}), environ=environ
        )
        for method in decision.methods
    }


def embedded_session(account_id: str, secret: str = "") -> Any:
    """Return a session with the embedded AWS's keys for an account: its fixed secret, or that of a start."""
    session = _bare_session()
    session.set_credentials(account_id, secret or EMBEDDED_SECRET)
    return session


def assumed_session(
    source: Any,
    assume: Callable[[dict[str, str]], dict[str, Any]],
    *,
    role_arn: str,
    external_id: str,
    session_name: str,
) -> Any:
    """Return a session in another account that renews its credentials before they expire.

    `assume(params)` answers AssumeRole with the credentials of `source`; its errors pass through unchanged.
    """
    params = {"RoleArn": role_arn, "RoleSessionName": session_name}
    if external_id:
        params["ExternalId"] = external_id

    def fetch() -> dict[str, str]:
        response = assume(params)["Credentials"]
        return {
            "access_key": response["AccessKeyId"],
            "secret_key": response["SecretAccessKey"],
            "token": response["SessionToken"],
            "expiry_time": response["Expiration"].isoformat(),
        }

    _silence_tracebacks()
    session = _bare_session()
    credentials = botocore.credentials.DeferredRefreshableCredentials(method="assume-role", refresh_using=fetch)
    session.register_component("credential_provider", _Fixed(credentials))
    session.user_agent_extra = source.user_agent_extra
    return session


class _Explained:
    """A botocore provider whose errors say what was searched, where, and the remedy, also at renewals."""

    def __init__(self, provider: Any, source: CredentialSource) -> None:
        self.METHOD = provider.METHOD
        self.CANONICAL_NAME = provider.CANONICAL_NAME
        self._provider = provider
        self._source = source

    def load(self) -> Any:
        """botocore's name for it."""
        credentials = self._explained(self._provider.load)
        renew = getattr(credentials, "_refresh_using", None)
        if renew is not None:
            credentials._refresh_using = lambda: self._explained(renew)  # noqa: SLF001  no public way to wrap a renewal
        return credentials

    def _explained(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:  # noqa: BLE001  providers raise OSError, ValueError, KeyError … as well
            raise explain(error, self._source) from None


class _Fixed:
    """A credential provider with fixed credentials."""

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Any:
        """botocore's name for it."""
        return self._credentials


class _NoTraceback(logging.Filter):
    """Removes botocore's tracebacks of failed renewals from logs: the error is raised with its remedy."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a failure that is also raised; other records lose their traceback and keep the reason."""
        if not record.exc_info:
            return True
        if record.args and "mandatory" in record.args:
            return False
        error = record.exc_info[1]
        record.msg, record.args = f"{record.getMessage()} {masked(str(error or ''))}".rstrip(), ()
        record.exc_info, record.exc_text = None, None
        return True


_NO_TRACEBACK = _NoTraceback()


def _silence_tracebacks() -> None:
    for name in ("botocore.credentials", "botocore.tokens"):
        logging.getLogger(name).addFilter(_NO_TRACEBACK)  # the same filter is added only once


def _session(profile: str = "") -> Any:
    """Return a session of botocore with the process's models: they are parsed once for all accounts."""
    session = botocore.session.Session(profile=profile or None)
    session.register_component("data_loader", shared_loader())
    return session


def _bare_session() -> Any:
    session = _session()
    store = session.get_component("config_store")
    for name, value in (("config_file", os.devnull), ("credentials_file", os.devnull), ("profile", None)):
        store.set_config_provider(name, ConstantProvider(value))
    return session
