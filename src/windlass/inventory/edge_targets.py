"""The names under which the inventory knows the targets of relations, by the target's type. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["target_name"]


def target_name(text: str, target_type: str) -> str:
    """Return the name of the target that `text` refers to; empty when the inventory cannot resolve it."""
    normalize = _NORMALIZE.get(target_type)
    return normalize(text) if normalize else text


def _bucket_arn(text: str) -> str:
    """Return the bucket's ARN for `s3://bucket/key`, for the ARN of an object or prefix, and for the bucket's ARN."""
    if text.startswith(("s3://", "s3a://", "s3n://")):
        return "arn:aws:s3:::" + text.split("://", 1)[1].partition("/")[0]
    if text.startswith("arn:"):
        head, _, resource = text.rpartition(":")
        return f"{head}:{resource.partition('/')[0]}"
    return text


def _kms_key(text: str) -> str:
    return "" if text.startswith("alias/") else text


def _layer_arn(text: str) -> str:
    """Return the ARN of a Lambda layer without its version."""
    head, _, version = text.rpartition(":")
    return head if version.isdigit() else text


_NORMALIZE: Mapping[str, Callable[[str], str]] = {
    "s3.bucket": _bucket_arn,
    "kms.key": _kms_key,
    "lambda.layer": _layer_arn,
}
