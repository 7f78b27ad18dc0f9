"""The operations that the generic client leaves to botocore's own clients, with the reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["unsupported_params", "unsupported_reason"]

# Requests that handlers of botocore rewrite after serialisation; they need botocore's request object.
_REWRITTEN = frozenset({("cloudsearch-domain", "Search"), ("machine-learning", "Predict")})
_SIGNED = frozenset({"v4", "s3v4"})
# Signed with session keys from another call (S3 Express), or for several regions (ARNs of Multi-Region Access Points).
_ARN_MEMBERS = ("Bucket", "AccessPointName", "Name")


def unsupported_reason(model: Any) -> str:
    """Return why an operation (botocore's model) needs botocore's client; empty when it does not."""
    if model.has_streaming_input or model.has_streaming_output or model.has_event_stream_output:
        return "its body is a stream"
    if model.http_checksum_required or model.http_checksum.get("requestChecksumRequired"):
        return "its request carries a checksum"
    if model.request_compression:
        return "its request may be compressed"
    if model.unsigned_payload or model.resolved_auth_type not in (None, *_SIGNED):
        return f"it is signed as {model.resolved_auth_type or 'unsigned payload'}"
    if (model.endpoint_discovery or {}).get("required"):
        return "its endpoint comes from another call"
    if (model.service_model.service_id.hyphenize(), model.name) in _REWRITTEN:
        return "botocore rewrites its request"
    output = model.output_shape
    if output is not None and any(
        member.serialization.get("location") == "headers" for member in output.members.values()
    ):
        return "its response has headers with variable names"
    return ""


def unsupported_params(service: str, params: Mapping[str, Any]) -> bool:
    """Return whether the values need botocore's client: S3's ARNs and directory buckets have endpoints of their own."""
    if service not in ("s3", "s3control"):
        return False
    if service == "s3" and str(params.get("Bucket", "")).endswith("--x-s3"):
        return True
    return any(str(params.get(name, "")).startswith("arn:") for name in _ARN_MEMBERS)
