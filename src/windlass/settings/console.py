"""The sections `[console]` and `[oidc]`."""

from __future__ import annotations

import ipaddress
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["ConsoleConfig", "OidcConfig"]

_FROZEN = ConfigDict(extra="forbid", frozen=True)


class ConsoleConfig(BaseModel):
    """The web console and REST API."""

    model_config = _FROZEN

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Any address except loopback requires a login (`windlass token create`, or [oidc]).",
    )
    port: int = Field(default=8470, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    tls_certificate: str = Field(
        default="",
        description="PEM file with the server's certificate and its chain: the console then speaks HTTPS. osquery agents need "
        "HTTPS, from here or from a TLS proxy in front.",
    )
    tls_key: str = Field(default="", description="PEM file with the key of tls_certificate, without a password.")
    require_login: bool | Literal["auto"] = Field(
        default="auto",
        description="Whether users log in when the console listens on loopback. auto: yes when allowed_hosts or secure_cookies is "
        "set, or a proxy forwarded the request (X-Forwarded-For and similar). On any other address they always log in.",
    )
    allowed_hosts: list[str] = Field(
        default=[], description="Host names that requests may carry besides the bind address and localhost."
    )
    secure_cookies: bool = Field(
        default=False, description="Send the session cookie over HTTPS only; set this behind a TLS proxy."
    )
    trusted_proxies: list[str] = Field(
        default=["127.0.0.0/8", "::1"],
        description="Addresses or networks of proxies whose X-Forwarded-For names the client, to count failed logins.",
    )
    header_timeout_s: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="Seconds for a client to send the head of a request, from its first byte.",
    )
    body_timeout_s: float = Field(default=30.0, gt=0, le=3600, description="Seconds to send the body of a request.")
    idle_timeout_s: float = Field(
        default=15.0, gt=0, le=3600, description="Seconds that a connection may stay open between two requests."
    )
    stall_timeout_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="Seconds that a client may stop reading a response before it is disconnected.",
    )

    @model_validator(mode="after")
    def _has_both_tls_files(self) -> Self:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together: set both, or none")
        return self

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for text in value:
            ipaddress.ip_network(text, strict=False)
        return value


class OidcConfig(BaseModel):
    """Login to the console through an OpenID Connect provider, in addition to tokens."""

    model_config = _FROZEN

    issuer: str = Field(
        default="", description="The provider's issuer URL; empty switches OIDC off. https, or http on loopback."
    )
    client_id: str = Field(default="", description="The client id of Windlass at the provider.")
    client_secret_env: str = Field(
        default="OIDC_CLIENT_SECRET",
        description="Environment variable that holds the client's secret; unset for a public client (PKCE is always used).",
    )
    scopes: list[str] = Field(
        default=["openid", "profile", "email"], description="Scopes to request from the provider."
    )
    name_claim: str = Field(
        default="email", description="Claim that names the user in the audit trail; `sub` where it is missing."
    )
    role_claim: str = Field(
        default="groups", description="Claim whose values decide the role; `a.b` reads b of the object a."
    )
    admin: list[str] = Field(default=[], description="Values of role_claim that give the role admin.")
    operate: list[str] = Field(default=[], description="Values of role_claim that give the role operate.")
    read: list[str] = Field(
        default=[],
        description="Values of role_claim that give the role read; `*` gives it to every user of the provider.",
    )
    session_s: float = Field(
        default=28_800.0,
        gt=0,
        le=86_400,
        description="Seconds until a user must log in again, so that a revoked role ends.",
    )

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        parts = urlsplit(value)
        loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if value and not (parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and loopback))):
            raise ValueError("an issuer is an https URL (http only on loopback)")
        return value
