"""Facts of the environment for the policy. It checks whether files exist and opens none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from windlass.estate.config import EstateConfig, is_loopback
from windlass.estate.policy import EnvironmentFacts

__all__ = ["environment_name", "is_loopback", "read_facts"]


def environment_name(environ: Mapping[str, str]) -> str:
    """`WINDLASS_ENV`, else `APP_ENV`, else empty (a local environment)."""
    return (environ.get("WINDLASS_ENV") or environ.get("APP_ENV") or "").strip().lower()


def read_facts(config: EstateConfig, environ: Mapping[str, str], *, profile: str = "") -> EnvironmentFacts:
    """Collect the facts; `profile` is the command line's."""
    name = environment_name(environ)
    configured = config.environments.get(name)
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    folder = Path(home) / ".aws" if home else None

    def has(variable: str) -> bool:
        return bool(environ.get(variable))

    return EnvironmentFacts(
        environment=name,
        production_like=name in {known.lower() for known in config.production_like},
        profile=profile or (configured.profile if configured else ""),
        key_id=has("AWS_ACCESS_KEY_ID"),
        secret_key=has("AWS_SECRET_ACCESS_KEY"),
        session_token=has("AWS_SESSION_TOKEN") or has("AWS_SECURITY_TOKEN"),
        profile_variable=has("AWS_PROFILE") or has("AWS_DEFAULT_PROFILE"),
        web_identity_file=has("AWS_WEB_IDENTITY_TOKEN_FILE"),
        web_identity_role=has("AWS_ROLE_ARN"),
        container_uri=has("AWS_CONTAINER_CREDENTIALS_FULL_URI") or has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        metadata_disabled=environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true",
        files_present=folder is not None and ((folder / "credentials").exists() or (folder / "config").exists()),
        kubernetes=has("KUBERNETES_SERVICE_HOST"),
        lambda_function=has("AWS_LAMBDA_FUNCTION_NAME"),
        cloudshell=environ.get("AWS_EXECUTION_ENV", "").lower() == "cloudshell",
        endpoint_variable=any(name.startswith("AWS_ENDPOINT_URL") and value for name, value in environ.items()),
        embedded=bool(config.endpoint_url) and is_loopback(config.endpoint_url),
        allow_static_keys=config.allow_static_keys,
        allow_endpoint_override=config.allow_endpoint_override,
    )
