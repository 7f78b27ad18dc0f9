"""Verification of Signature Version 4: with a secret per start, other users of the machine cannot call the embedded AWS.

Source: AWS docs, "Create a signed AWS API request" and "Authenticating Requests: Using Query Parameters (AWS Signature
Version 4)". Chunk signatures of aws-chunked bodies are not verified; the signature of their first line of headers is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from windlass_local.errors import error_response
from windlass_local.guard import CONTROL_PATHS
from windlass_local.request import Request, Response

__all__ = ["Signatures"]

_SKEW = timedelta(minutes=15)
_WEEK_S = 7 * 86_400
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/\s,]+)/(?P<day>\d{8})/(?P<region>[^/\s,]+)/(?P<service>[^/\s,]+)/aws4_request"
    r"\s*,\s*SignedHeaders=(?P<names>[^\s,]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """The signature of a request; `expires_s` is None when it is in the header."""

    access_key: str
    scope: tuple[str, str, str]  # day, region, service
    names: tuple[str, ...]
    signature: str
    signed_at: str
    expires_s: int | None


class Signatures:
    """The check of every request: it must be signed with the secret that `secret_of` returns for its access key.

    The pages of `/_windlass` and `/moto-api` take `Authorization: Bearer SECRET` instead, the secret of the start.
    """

    def __init__(
        self,
        secret: str,
        secret_of: Callable[[str], str | None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._secret = secret
        self._secret_of = secret_of
        self._now = now

    def refusal(self, request: Request) -> Response | None:
        """Return the 403 of a request whose signature is missing, wrong or too old; None when it is valid."""
        if unquote(request.path).startswith(CONTROL_PATHS):
            bearer = request.headers.get("authorization", "").encode("latin-1")
            if hmac.compare_digest(bearer, f"Bearer {self._secret}".encode()):
                return None
            return _refuse(
                request, "AccessDenied", "this page takes `Authorization: Bearer` and the secret of this start"
            )
        claim = _read_claim(request)
        if claim is None:
            code = "AccessDenied" if request.service == "s3" else "MissingAuthenticationToken"
            return _refuse(request, code, "the embedded AWS requires a signature of version 4 (--require-signature)")
        secret = self._secret_of(claim.access_key)
        if secret is None:
            code = "InvalidAccessKeyId" if request.service == "s3" else "UnrecognizedClientException"
            return _refuse(request, code, f"the access key id {claim.access_key} is not known")
        return self._untimely(request, claim) or _mismatch(request, claim, secret)

    def _untimely(self, request: Request, claim: _Claim) -> Response | None:
        try:
            signed_at = datetime.strptime(claim.signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            return _refuse(request, "AccessDenied", "X-Amz-Date must be a time such as 20261201T120000Z")
        if claim.signed_at[:8] != claim.scope[0]:
            return _refuse(request, "SignatureDoesNotMatch", "the credential's date is not that of X-Amz-Date")
        age = self._now() - signed_at
        if claim.expires_s is None:
            if abs(age) <= _SKEW:
                return None
            code = "RequestTimeTooSkewed" if request.service == "s3" else "SignatureDoesNotMatch"
            return _refuse(request, code, "the request's time differs from the server's by more than 15 minutes")
        if age < -_SKEW or age > timedelta(seconds=claim.expires_s):
            return _refuse(request, "AccessDenied", "Request has expired")
        return None


def _read_claim(request: Request) -> _Claim | None:
    match = _HEADER.fullmatch(request.headers.get("authorization", ""))
    if match is not None:
        return _Claim(
            access_key=match["key"],
            scope=(match["day"], match["region"], match["service"]),
            names=tuple(match["names"].split(";")),
            signature=match["signature"],
            signed_at=request.headers.get("x-amz-date", ""),
            expires_s=None,
        )
    return None if "authorization" in request.headers else _read_query(dict(_pairs(request.query)))


def _read_query(query: Mapping[str, str]) -> _Claim | None:
    credential = query.get("X-Amz-Credential", "").split("/")
    expires = query.get("X-Amz-Expires", "")
    if query.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" or len(credential) != 5 or not expires.isdecimal():
        return None
    if int(expires[:9]) > _WEEK_S:
        return None
    return _Claim(
        access_key=credential[0],
        scope=(credential[1], credential[2], credential[3]),
        names=tuple(query.get("X-Amz-SignedHeaders", "").split(";")),
        signature=query.get("X-Amz-Signature", ""),
        signed_at=query.get("X-Amz-Date", ""),
        expires_s=int(expires[:9]),
    )


def _pairs(query: str) -> list[tuple[str, str]]:
    """Return the decoded parameters in their order; `+` is itself, as AWS reads it."""
    split = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in split]


def _mismatch(request: Request, claim: _Claim, secret: str) -> Response | None:
    unsigned = "host" not in claim.names or (
        request.service == "s3"
        and any(name.startswith("x-amz-") and name not in claim.names for name in request.headers)
    )
    if unsigned:
        message = "There were headers present in the request which were not signed"
        return _refuse(request, "AccessDenied", message)
    sent = request.headers.get("x-amz-content-sha256", "")
    if _HEX.fullmatch(sent) and sent != hashlib.sha256(request.body).hexdigest():
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        return error_response(request, 400, "XAmzContentSHA256Mismatch", message)
    text = _string_to_sign(request, claim)
    if hmac.compare_digest(_sign(secret, claim.scope, text), claim.signature.encode("utf-8", "replace")):
        return None
    message = "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    return _refuse(request, "SignatureDoesNotMatch", message)


def _string_to_sign(request: Request, claim: _Claim) -> str:
    presigned = claim.expires_s is not None
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in _pairs(request.query)
        if not (presigned and name == "X-Amz-Signature")
    )
    fields = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in claim.names)
    path = request.path or "/"
    canonical = "\n".join(
        (
            request.method,
            path if claim.scope[2] in ("s3", "s3-outposts", "s3express") else quote(path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            fields,
            ";".join(claim.names),
            _payload_hash(request, claim, presigned=presigned),
        )
    )
    scope = "/".join((*claim.scope, "aws4_request"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"AWS4-HMAC-SHA256\n{claim.signed_at}\n{scope}\n{digest}"


def _payload_hash(request: Request, claim: _Claim, *, presigned: bool) -> str:
    value = request.headers.get("x-amz-content-sha256")
    if value is not None:
        return value
    return "UNSIGNED-PAYLOAD" if presigned and claim.scope[2] == "s3" else hashlib.sha256(request.body).hexdigest()


def _sign(secret: str, scope: tuple[str, str, str], text: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex().encode()


def _refuse(request: Request, code: str, message: str) -> Response:
    return error_response(request, 403, code, message)
