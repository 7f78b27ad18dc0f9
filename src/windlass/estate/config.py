"""The `[estate]` section of windlass.toml."""

from __future__ import annotations

import ipaddress
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_STRICT = ConfigDict(extra="forbid", frozen=True)


def is_loopback(url: str) -> bool:
    """Return whether a URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class AccountConfig(BaseModel):
    """An account of the estate."""

    model_config = _STRICT

    id: str = Field(pattern=r"^\d{12}$", description="Twelve digits.")
    alias: str = Field(default="", description="A name for people.")
    role: str = Field(default="", description="Role to assume there: its ARN, or its name in that account.")
    external_id: str = Field(default="", description="External id of the role's trust policy.")
    session_name: str = Field(
        default="windlass", min_length=2, max_length=64, description="Name of the session, seen in CloudTrail."
    )
    tags: dict[str, str] = Field(default={}, description="Tags of the account, shown and filtered by.")


class EnvironmentConfig(BaseModel):
    """What an environment (`WINDLASS_ENV`) allows."""

    model_config = _STRICT

    profile: str = Field(description="The only AWS profile that this environment uses.")


class EstateConfig(BaseModel):
    """Which identity, accounts and regions, and how AWS is called."""

    model_config = _STRICT

    production_like: list[str] = Field(
        default=["production", "staging", "integration"],
        description="Environments in which only role credentials (IRSA, Pod Identity, container, instance) are taken.",
    )
    allow_static_keys: bool = Field(
        default=False, description="Also take static keys from the environment in a production-like environment."
    )
    allow_endpoint_override: bool = Field(
        default=False, description="Honour AWS_ENDPOINT_URL* of the environment; refused otherwise."
    )
    environments: dict[str, EnvironmentConfig] = Field(
        default={}, description='Profiles by environment: `sandbox = { profile = "me-sandbox" }`.'
    )
    endpoint_url: str = Field(
        default="", description="Endpoint instead of AWS; the embedded AWS's on loopback, with its own fixed keys."
    )
    endpoint_secret: str = Field(
        default="",
        repr=False,
        description="Secret access key for a loopback `endpoint_url`: what `windlass local up --require-signature` printed.",
    )
    endpoints: dict[str, str] = Field(
        default={},
        description='Endpoints of single services, as AWS_ENDPOINT_URL_SQS names them: `{ sqs = "https://vpce-…amazonaws.com" }`.',
    )
    regions: list[str] | Literal["enabled"] = Field(
        default="enabled", description="Regions to work in; `enabled` asks each account for its own."
    )
    home_region: str = Field(
        default="us-east-1", description="Region for calls that need one before regions are known."
    )
    s3_home_region: str = Field(
        default="",
        description="Region that lists the buckets of an account, for policies that deny others; `home_region` when empty.",
    )
    accounts: list[AccountConfig] = Field(
        default=[], description="Accounts to work in; empty means the caller's own, or the organization's."
    )
    allowed_accounts: list[str] = Field(
        default=[],
        description="Guard rail: credentials of an account outside this list are never used for a call; empty allows all.",
    )
    organization: bool = Field(default=False, description="Take the accounts from AWS Organizations.")
    organization_units: list[str] = Field(default=[], description="Only accounts below these OU or root ids.")
    organization_role: str = Field(
        default="", description="Role name to assume in each account of the organization except the caller's own."
    )
    retries: int = Field(default=3, ge=0, le=10, description="Retries of a failed call, after the first attempt.")
    connect_timeout_s: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.")
    read_timeout_s: float = Field(default=60.0, gt=0, description="Seconds to wait for a response.")
    max_connections: int = Field(default=64, ge=1, le=1000, description="Connections kept per client.")
    ca_bundle: str = Field(default="", description="File of certificates to trust instead of the built-in ones.")
    use_fips: bool = Field(default=False, description="Use FIPS endpoints.")
    use_dualstack: bool = Field(default=False, description="Use dual-stack (IPv6) endpoints.")

    @field_validator("regions", mode="before")
    @classmethod
    def _one_region(cls, value: object) -> object:
        return [value] if isinstance(value, str) and value != "enabled" else value

    def endpoint_of(self, service: str) -> str:
        """Return the endpoint configured for a service (botocore's name); empty for AWS's own."""
        return self.endpoints.get(service) or self.endpoint_url

    @model_validator(mode="after")
    def _endpoints_are_safe(self) -> Self:
        """Check that real credentials go over TLS, and to a program of this machine only when it emulates all of AWS."""
        for service, url in self.endpoints.items():
            parts = urlsplit(url)
            if parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
                raise ValueError(f"endpoints.{service} must be a URL like https://host, without credentials")
            if is_loopback(url):
                if not is_loopback(self.endpoint_url):
                    raise ValueError(
                        f"endpoints.{service} is on this machine, and real credentials would be sent there: set endpoint_url instead"
                    )
            elif parts.scheme != "https":
                raise ValueError(f"endpoints.{service} must begin with https://: requests carry signatures and data")
        return self

    @field_validator("allowed_accounts")
    @classmethod
    def _account_ids(cls, value: list[str]) -> list[str]:
        for account_id in value:
            if len(account_id) != 12 or not account_id.isdigit():
                raise ValueError(f"{account_id!r} is not an account id of twelve digits")
        return value


_NOT_NAMES = frozenset({"s3", "arn", "aws", "http", "https"})
"""Prefixes before a colon that already have a meaning in `NAME:BUCKET`."""


class ServiceConfig(BaseModel):
    """An S3 service other than the estate's AWS: another cloud, MinIO, R2, rclone. `NAME:BUCKET` names its buckets."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$", description="Its name in `NAME:BUCKET/PREFIX`.")
    endpoint_url: str = Field(description="Its endpoint: `https://minio.example.net:9000`.")
    region: str = Field(
        default="us-east-1",
        pattern=r"^[a-z0-9-]{1,40}$",
        description="The region that requests are signed for; `auto` for R2.",
    )
    path_style: bool = Field(
        default=True, description="Buckets go into the path; false puts them before the host's name."
    )
    access_key_env: str = Field(
        default="", description="Variable with the access key; `NAME_ACCESS_KEY_ID`, in capitals, when empty."
    )
    secret_key_env: str = Field(
        default="", description="Variable with the secret key; `NAME_SECRET_ACCESS_KEY`, in capitals, when empty."
    )
    session_token_env: str = Field(default="", description="Variable with the session token of temporary keys.")
    profile: str = Field(default="", description="Take the keys of this AWS profile instead.")
    credentials_file: str = Field(
        default="", description="Take the keys from this file instead, which is like `~/.aws/credentials`."
    )
    ca_bundle: str = Field(default="", description="File of certificates to trust instead of the built-in ones.")
    max_connections: int = Field(default=64, ge=1, le=1000, description="Connections kept to it.")
    tags: bool = Field(default=True, description="Copy objects' tags to it; false where it refuses them, as R2 does.")
    storage_classes: list[str] = Field(
        default=[],
        description="Storage classes copied to and from it; objects of others get the destination's default.",
    )

    @property
    def access_key_name(self) -> str:
        """The environment variable with the access key."""
        return self.access_key_env or f"{self._capitals}_ACCESS_KEY_ID"

    @property
    def secret_key_name(self) -> str:
        """The environment variable with the secret key."""
        return self.secret_key_env or f"{self._capitals}_SECRET_ACCESS_KEY"

    @property
    def keys_from(self) -> str:
        """The source of its keys, for people."""
        if self.profile or self.credentials_file:
            return (
                f"profile {self.profile or 'default'}{f' in {self.credentials_file}' if self.credentials_file else ''}"
            )
        return f"the variables {self.access_key_name} and {self.secret_key_name}"

    @property
    def _capitals(self) -> str:
        return self.name.upper().replace("-", "_")

    @model_validator(mode="after")
    def _sound(self) -> ServiceConfig:
        if self.name.lower() in _NOT_NAMES:
            raise ValueError(f"{self.name!r} can't be a service's name: it has another meaning before a colon")
        parts = urlsplit(self.endpoint_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("endpoint_url must be a URL like https://minio.example.net:9000, without a path")
        if parts.username is not None:
            raise ValueError("endpoint_url must not contain credentials: name environment variables instead")
        if (self.access_key_env or self.secret_key_env) and (self.profile or self.credentials_file):
            raise ValueError("set environment variables, or a profile or credentials_file, not both")
        taken = [name for name in (self.access_key_name, self.secret_key_name) if name.startswith("WINDLASS_")]
        if taken and not (self.profile or self.credentials_file):
            raise ValueError(f"{taken[0]} would be read as a setting: use a variable without WINDLASS_")
        return self
