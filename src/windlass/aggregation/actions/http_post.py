"""http-post: post the signed summary to a web service.

The signature is the hexadecimal HMAC-SHA256 of `<timestamp>.<body>` with the secret; `X-Windlass-Timestamp` holds the
timestamp (epoch seconds). A receiver compares signatures in constant time and rejects old timestamps.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from email.message import Message
from http.client import HTTPException, HTTPMessage
from typing import IO, Literal, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from windlass.aggregation.actions.base import Context, RetryActionLater
from windlass.aggregation.actions.payload import summary_text, token
from windlass.aggregation.model import Summary
from windlass.core.errors import ConfigError, WindlassError
from windlass.core.secret import Secret

__all__ = ["HttpPost", "PostFailed", "signature"]

_LATER_S, _LONGEST_LATER_S = 30.0, 3600.0


class PostFailed(WindlassError):
    """The web service did not accept the request."""

    http_status = 502
    exit_code = 254


class HttpPost(BaseModel):
    """POST the window's summary as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["http-post"] = Field(default="http-post", description="Posts to a web service.")
    url: str = Field(
        default="", description="URL to post to; https, or http in a trusted network. It must not contain credentials."
    )
    url_env: str = Field(
        default="",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$",
        description="Name of the environment variable with the URL, in place of `url`: for webhooks whose URL is a secret.",
    )
    format: Literal["json", "slack"] = Field(
        default="json",
        description='`json`: the summary; `slack`: `{"text": …}`, as Slack, Mattermost and others take it.',
    )
    secret_env: str = Field(
        default="",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$",
        description="Name of the environment variable with the signing secret; unsigned when empty.",
    )
    headers_env: dict[str, str] = Field(
        default={}, description="Additional headers with secret values: header name and environment variable name."
    )
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="Seconds to wait for a response.")
    retries: int = Field(default=2, ge=0, le=10, description="Retries after a failed connection or a 5xx response.")
    backoff_s: float = Field(
        default=0.5, ge=0, le=60, description="Seconds before the first retry; doubled after each retry."
    )

    @model_validator(mode="after")
    def _check_one_url(self) -> Self:
        if bool(self.url) == bool(self.url_env):
            raise ValueError("http-post needs either url or url_env")
        return self

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must be an http or https URL")
        if parts.username is not None or parts.password is not None:
            raise ValueError("url must not contain credentials; put them into headers_env")
        return url

    def act(self, summary: Summary, context: Context) -> None:
        """Post the summary. Retries carry the same `Idempotency-Key` (the attempt). 429 raises RetryActionLater."""
        body = self._body(summary, context)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "windlass",
            "Idempotency-Key": token(context.attempt),
            "X-Windlass-Timestamp": str(int(context.now)),
        }
        headers |= {name: _from_environment(variable).reveal() for name, variable in self.headers_env.items()}
        if self.secret_env:
            secret = _from_environment(self.secret_env)
            headers["X-Windlass-Signature"] = f"sha256={signature(secret, str(int(context.now)), body)}"
        for attempt in range(self.retries + 1):
            reason = self._post(body, headers)
            if not reason:
                return
            if attempt < self.retries:
                time.sleep(self.backoff_s * 2**attempt)
        raise PostFailed(
            f"{self._public_url}: {reason}", hint=f"Tried {self.retries + 1} times; Windlass retries the window."
        )

    def _body(self, summary: Summary, context: Context) -> bytes:
        if self.format == "json":
            return summary_text(summary, context).encode()
        text = summary.document.get("text") or f"{context.rule}: {summary.events:,} events of {context.key}"
        return json.dumps({"text": text}).encode()

    @property
    def _address(self) -> str:
        """The URL to post to. ConfigError when its environment variable has none."""
        if not self.url_env:
            return self.url
        url = _from_environment(self.url_env).reveal()
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ConfigError(f"the environment variable {self.url_env} has no http or https URL", hint="Set it.")
        return url

    @property
    def _public_url(self) -> str:
        """The URL without what may be secret: its query; of one from the environment, its path, too."""
        parts = urlsplit(self._address)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if self.url_env else self.url.partition("?")[0]

    def _post(self, body: bytes, headers: dict[str, str]) -> str:
        """Post once. Return why to retry, empty on success; PostFailed when a retry cannot succeed."""
        # The scheme was checked when the options were read; redirects keep it.
        request = Request(self._address, data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with build_opener(_SameOrigin()).open(request, timeout=self.timeout_s) as response:
                response.read(65536)
        except HTTPError as error:
            with error:
                return self._refused(error)
        except TimeoutError:  # the service may have accepted the request
            raise PostFailed(
                f"{self._public_url}: no response within {self.timeout_s:g} s", hint="Raise timeout_s."
            ) from None
        except URLError as error:
            return f"the connection failed ({error.reason})"
        except (HTTPException, OSError) as error:
            return f"the connection failed ({type(error).__name__})"
        return ""

    def _refused(self, error: HTTPError) -> str:
        if error.code == 429:
            raise RetryActionLater(
                _retry_after_s(error.headers), f"{self._public_url} answered 429 Too Many Requests"
            ) from None
        if error.code >= 500:
            return f"it answered {error.code}"
        if 300 <= error.code < 400:
            hint = "Set url to the redirect's target; Windlass follows only 307 and 308 on the same host."
            raise PostFailed(
                f"{self._public_url}: it answered {error.code}, a redirect to another address", hint=hint
            ) from None
        raise PostFailed(
            f"{self._public_url}: it answered {error.code}", hint="Check the log of the web service."
        ) from None


class _SameOrigin(HTTPRedirectHandler):
    """Follows a redirect only when it keeps the method, scheme, host and port: no other host receives the body."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],  # noqa: ARG002
        code: int,
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,
    ) -> Request | None:
        """Return the same POST request for the new URL; None refuses the redirect (an HTTPError follows)."""
        if code not in (307, 308) or _origin(newurl) != _origin(req.full_url):
            return None
        return Request(newurl, data=req.data, headers=dict(req.headers), method="POST")  # noqa: S310


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """Return the hexadecimal HMAC-SHA256 of `<timestamp>.<body>`."""
    return hmac.new(secret.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _from_environment(variable: str) -> Secret:
    secret = os.environ.get(variable, "")
    if not secret:
        raise ConfigError(
            f"the environment variable {variable} is not set", hint="Set it: http-post reads a secret from it."
        )
    if not (secret.isascii() and secret.isprintable()):  # http.client would show the value in its error
        raise ConfigError(
            f"the environment variable {variable} has characters that a header cannot hold", hint="Remove line breaks."
        )
    return Secret(secret)


def _retry_after_s(headers: Message) -> float:
    value = headers.get("Retry-After", "")
    return min(float(value), _LONGEST_LATER_S) if value.isdecimal() else _LATER_S
