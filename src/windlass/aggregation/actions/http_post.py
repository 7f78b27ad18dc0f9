"""http-post: a web service gets the summary, signed.

The signature is HMAC-SHA256, in hexadecimal, over `<timestamp>.<body>` with the secret, where the timestamp is what
`X-Windlass-Timestamp` says (epoch seconds): a receiver compares it in constant time and refuses old timestamps.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from email.message import Message
from http.client import HTTPException, HTTPMessage
from typing import IO, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import BaseModel, ConfigDict, Field, field_validator

from windlass.aggregation.actions.base import Context, RetryActionLater
from windlass.aggregation.actions.payload import summary_text, token
from windlass.aggregation.model import Summary
from windlass.core.errors import ConfigError, WindlassError
from windlass.core.secret import Secret

__all__ = ["HttpPost", "PostFailed", "signature"]

_LATER_S, _LONGEST_LATER_S = 30.0, 3600.0


class PostFailed(WindlassError):
    """The web service did not take it."""

    http_status = 502
    exit_code = 254


class HttpPost(BaseModel):
    """POST the window's summary as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["http-post"] = Field(default="http-post", description="Posts to a web service.")
    url: str = Field(description="Where to; https, or http where the network is trusted. It may carry no credentials.")
    secret_env: str = Field(
        default="",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$",
        description="Name of the environment variable with the secret that signs; unsigned when empty.",
    )
    headers_env: dict[str, str] = Field(
        default={}, description="More headers whose values are secrets: header and environment variable's name."
    )
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="Seconds until an answer is given up.")
    retries: int = Field(
        default=2, ge=0, le=10, description="More tries when the connection fails or the answer is a 5xx."
    )
    backoff_s: float = Field(
        default=0.5, ge=0, le=60, description="Seconds before the first such try; doubled each time."
    )

    @field_validator("url")
    @classmethod
    def _url_fits(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it has to be an http or https URL")
        if parts.username is not None or parts.password is not None:
            raise ValueError("it may carry no credentials; headers_env takes them from the environment")
        return url

    def act(self, summary: Summary, context: Context) -> None:
        """Post. `Idempotency-Key` is the attempt: what is tried again here has the same. 429 is `RetryActionLater`."""
        body = summary_text(summary, context).encode()
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
        raise PostFailed(f"{self._shown}: {reason}", hint=f"Tried {self.retries + 1} times; the window is tried again.")

    @property
    def _shown(self) -> str:
        """The URL without its query, which may be a secret."""
        return self.url.partition("?")[0]

    def _post(self, body: bytes, headers: dict[str, str]) -> str:
        """Why it may be tried again; empty when it was taken. What no other try mends is raised."""
        # The scheme was checked when the options were read, a redirect's is the same.
        request = Request(self.url, data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with build_opener(_SameOrigin()).open(request, timeout=self.timeout_s) as answer:
                answer.read(65536)
        except HTTPError as error:
            with error:
                return self._refused(error)
        except TimeoutError:  # it may have been taken
            raise PostFailed(f"{self._shown}: no answer in {self.timeout_s:g} s", hint="Raise timeout_s.") from None
        except URLError as error:
            return f"the connection failed ({error.reason})"
        except (HTTPException, OSError) as error:
            return f"the connection failed ({type(error).__name__})"
        return ""

    def _refused(self, error: HTTPError) -> str:
        if error.code == 429:
            raise RetryActionLater(_retry_after_s(error.headers), f"{self._shown} asks for fewer requests") from None
        if error.code >= 500:
            return f"it answered {error.code}"
        if 300 <= error.code < 400:
            hint = "Give the URL it redirects to; only 307 and 308 on the same host are followed."
            raise PostFailed(f"{self._shown}: it answered {error.code}, a redirect elsewhere", hint=hint) from None
        raise PostFailed(f"{self._shown}: it answered {error.code}", hint="Its own log says why.") from None


class _SameOrigin(HTTPRedirectHandler):
    """Follows only redirects that keep the method, to the same scheme, host and port: nobody else gets the body."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],  # noqa: ARG002
        code: int,
        msg: str,  # noqa: ARG002
        headers: HTTPMessage,  # noqa: ARG002
        newurl: str,
    ) -> Request | None:
        """The same POST again, or None, which leads to an HTTPError."""
        if code not in (307, 308) or _origin(newurl) != _origin(req.full_url):
            return None
        return Request(newurl, data=req.data, headers=dict(req.headers), method="POST")  # noqa: S310


def signature(secret: Secret, timestamp: str, body: bytes) -> str:
    """The hexadecimal HMAC-SHA256 over `<timestamp>.<body>`."""
    return hmac.new(secret.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _from_environment(variable: str) -> Secret:
    found = os.environ.get(variable, "")
    if not found:
        raise ConfigError(f"the environment variable {variable} is not set", hint="http-post takes a secret from it.")
    if not (found.isascii() and found.isprintable()):  # http.client would show the value in its complaint
        raise ConfigError(
            f"the environment variable {variable} holds what a header can't", hint="A line break, perhaps?"
        )
    return Secret(found)


def _retry_after_s(headers: Message) -> float:
    said = headers.get("Retry-After", "")
    return min(float(said), _LONGEST_LATER_S) if said.isdecimal() else _LATER_S
