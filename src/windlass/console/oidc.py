"""Login through an OpenID Connect provider: authorization code with PKCE, by Authlib. A claim decides the role.

The state of a pending login (state, nonce, code verifier) is kept in a signed cookie, so that unfinished logins use no
memory of this process.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from windlass.api.auth import Role
from windlass.app import App
from windlass.core.errors import AccessDenied, ConfigError, WindlassError
from windlass.settings.console import OidcConfig

__all__ = ["PendingLogin", "Provider", "ProviderError", "Signer", "claim_values", "provider_of", "role_of"]

PENDING_S = 600.0  # how long a user may stay at the provider
_TIMEOUT_S = 10.0
_METADATA_S = 3600.0
_LEEWAY_S = 60
# Signed by a key that only the provider holds: `none` and the shared-secret algorithms are never accepted.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")


class ProviderError(WindlassError):
    """The OIDC provider did not answer, or its response does not follow OpenID Connect."""

    http_status = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLogin:
    """A login that was sent to the provider. `ends_at` is in seconds since the epoch."""

    state: str
    nonce: str
    verifier: str
    target: str
    ends_at: float


class Signer:
    """Signs a Pending for a cookie, and reads back only what this process signed."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def write(self, pending: PendingLogin) -> str:
        """Return base64 of the JSON, a dot, and the HMAC."""
        body = base64.urlsafe_b64encode(json.dumps(asdict(pending)).encode()).decode()
        return f"{body}.{self._mac(body)}"

    def read(self, text: str, *, now: float) -> PendingLogin | None:
        """Return the Pending; None when it was altered or has expired."""
        body, _, mac = text.partition(".")
        if not hmac.compare_digest(self._mac(body).encode(), mac.encode()):
            return None
        pending = PendingLogin(**json.loads(base64.urlsafe_b64decode(body)))
        return pending if pending.ends_at > now else None

    def _mac(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()


def claim_values(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """Return the texts of a claim, which may be a list, one text or missing.

    `path` is tried as a name (`https://x.example/roles`), then as members joined by dots (`realm_access.roles`).
    """
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for member in path.split("."):
            value = value.get(member) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return frozenset({value})
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()


def role_of(claims: Mapping[str, Any], config: OidcConfig) -> Role:
    """Return the highest role that the values of the role claim give; NOBODY when none does."""
    values = claim_values(claims, config.role_claim)
    for role, granted in ((Role.ADMIN, config.admin), (Role.OPERATE, config.operate)):
        if values & set(granted):
            return role
    return Role.READ if "*" in config.read or values & set(config.read) else Role.NOBODY


def provider_of(app: App) -> Provider | None:
    """Return the configured provider; None without one. ConfigError when a setting or a package is missing."""
    config = app.settings.oidc
    if not config.issuer:
        return None
    if not config.client_id:
        raise ConfigError(
            "oidc.issuer is set but oidc.client_id is not",
            hint="Set it to the client ID of Windlass at the provider.",
        )
    if not (config.admin or config.operate or config.read):
        raise ConfigError(
            "[oidc] gives no user a role",
            hint='Set oidc.admin, oidc.operate or oidc.read; read = ["*"] lets in every user.',
        )
    try:
        import authlib.oidc.core  # noqa: F401
        import requests  # noqa: F401
    except ImportError:
        raise ConfigError(
            "login by OIDC needs the packages authlib and requests", hint="pip install 'windlass-aws[oidc]'"
        ) from None
    return Provider(config, app.environment_secret(config.client_secret_env).reveal())


class Provider:
    """One OpenID Connect provider. Its metadata and keys are read on first use, then every hour."""

    def __init__(self, config: OidcConfig, client_secret: str, *, clock: Callable[[], float] = time.time) -> None:
        self.config = config
        self._secret = client_secret
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._read_at = float("-inf")
        self.signer = Signer()

    @property
    def title(self) -> str:
        """The name of the provider on the login page."""
        return urlsplit(self.config.issuer).netloc

    def begin(self, redirect_uri: str, target: str) -> tuple[str, PendingLogin]:
        """Start a login: return the URL to redirect to, and the Pending to keep until the callback."""
        pending = PendingLogin(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            target=target,
            ends_at=self._clock() + PENDING_S,
        )
        with self._session(redirect_uri) as session:
            url, _ = session.create_authorization_url(
                self.metadata()["authorization_endpoint"],
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
            )
        return str(url), pending

    def finish(self, response: Mapping[str, str], pending: PendingLogin, redirect_uri: str) -> dict[str, Any]:
        """Finish a login: return the claims of the user. AccessDenied when the provider or a check refuses."""
        if not hmac.compare_digest(response.get("state", "").encode(), pending.state.encode()):
            raise AccessDenied("this login was not started here", hint="Start the login again.", code="OidcState")
        if response.get("iss", self.config.issuer) != self.metadata()["issuer"]:  # RFC 9207: mix-up of providers
            raise AccessDenied(
                "the response is from another provider", hint="Start the login again.", code="OidcIssuer"
            )
        if "error" in response or not response.get("code"):
            reason = response.get("error_description") or response.get("error") or "it sent no code"
            raise AccessDenied(f"{self.title} refused the login: {reason}", hint="Start the login again.")
        with self._session(redirect_uri) as session:
            token = self._ask(
                lambda: session.fetch_token(
                    self.metadata()["token_endpoint"],
                    code=response["code"],
                    code_verifier=pending.verifier,
                    timeout=_TIMEOUT_S,
                )
            )
            claims = self._verified(token, pending.nonce)
            return self._completed(session, claims)

    def metadata(self) -> dict[str, Any]:
        """Return the discovery document. ProviderError unless its issuer equals the configured one exactly."""
        with self._lock:
            if self._clock() - self._read_at > _METADATA_S:
                url = f"{self.config.issuer.rstrip('/')}/.well-known/openid-configuration"
                document = self._get(url)
                if document.get("issuer") != self.config.issuer:
                    raise ProviderError(
                        f"{url} names the issuer {document.get('issuer')!r}",
                        hint="Set oidc.issuer to exactly that issuer.",
                    )
                self._metadata = document
                self._metadata["jwks"] = self._get(document["jwks_uri"])
                self._read_at = self._clock()
            return self._metadata

    def _verified(self, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """Return the claims of the ID token after checking signature, issuer, audience, times, nonce and access-token
        hash.
        """
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError
        from joserfc.jwk import KeySet
        from joserfc.jws import JWSRegistry

        def decode() -> jwt.Token:
            registry = JWSRegistry(algorithms=list(_ALGORITHMS), strict_check_header=False)
            return jwt.decode(token["id_token"], KeySet.import_key_set(self.metadata()["jwks"]), registry=registry)

        options = {
            "iss": {"essential": True, "values": [self.config.issuer]},
            "aud": {"essential": True, "values": [self.config.client_id]},
        }
        parameters = {"nonce": nonce, "client_id": self.config.client_id, "access_token": token.get("access_token")}
        try:
            try:
                decoded = decode()
            except InvalidKeyIdError:  # the provider rotated its keys since they were read
                self._read_at = float("-inf")
                decoded = decode()
            claims = CodeIDToken(decoded.claims, decoded.header, options, parameters)
            claims.validate(now=int(self._clock()), leeway=_LEEWAY_S)
        except (JoseError, KeyError, ValueError, _authlib_error()) as error:
            raise AccessDenied(
                f"the ID token of {self.title} is not valid: {type(error).__name__} {error}".rstrip(),
                hint="Start the login again. If it fails again, check the clock, oidc.issuer and oidc.client_id.",
                code="OidcToken",
            ) from None
        return dict(claims)

    def _completed(self, session: Any, claims: dict[str, Any]) -> dict[str, Any]:
        """Add the claims of the userinfo endpoint when the ID token does not have a configured claim."""
        endpoint = self.metadata().get("userinfo_endpoint")
        configured = (self.config.role_claim, self.config.name_claim)
        if not endpoint or all(claim_values(claims, name) for name in configured):
            return claims
        response = self._ask(lambda: session.get(endpoint, timeout=_TIMEOUT_S))
        if response.status_code != 200:
            return claims
        more = self._ask(response.json)
        if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
            raise AccessDenied(
                "the userinfo endpoint returned another user", hint="Start the login again.", code="OidcToken"
            )
        return {**more, **claims}

    def _session(self, redirect_uri: str) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self.config.client_id,
            self._secret or None,
            scope=" ".join(self.config.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none",
        )

    def _get(self, url: str) -> dict[str, Any]:
        import requests

        def read() -> Any:
            response = requests.get(url, timeout=_TIMEOUT_S)
            response.raise_for_status()
            return response.json()

        document = self._ask(read)
        if not isinstance(document, dict):
            raise ProviderError(
                f"{url} is not a JSON object", hint="Check oidc.issuer against the provider's documentation."
            )
        return document

    def _ask(self, call: Callable[[], Any]) -> Any:
        import requests

        try:
            return call()
        except (requests.RequestException, ValueError, _authlib_error()) as error:
            raise ProviderError(
                f"{self.title} did not answer: {type(error).__name__}: {error}",
                hint="Try again. If it fails again, check oidc.issuer, oidc.client_id and the client secret.",
            ) from None


def _authlib_error() -> type[Exception]:
    from authlib.common.errors import AuthlibBaseError

    error: type[Exception] = AuthlibBaseError
    return error
