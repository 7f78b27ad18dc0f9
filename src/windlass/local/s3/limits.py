"""Sizes that S3 refuses beyond. Tests lower them: no machine wants an object of 5 GiB to see a refusal."""

from __future__ import annotations

from dataclasses import dataclass

from windlass.local.request import Response
from windlass.local.s3.answers import refuse

__all__ = ["LIMITS", "Limits", "too_large"]


@dataclass(slots=True)
class Limits:
    """In bytes. `copy_bytes` is for one CopyObject, one part of UploadPartCopy and one task of a copy job."""

    copy_bytes: int = 5 * 1024**3


LIMITS = Limits()
"""The limits of this process, as moto's state is."""


def too_large(size_bytes: int) -> Response | None:
    """The refusal of a copy of that many bytes; None where it may go on."""
    if size_bytes <= LIMITS.copy_bytes:
        return None
    message = (
        f"The specified copy source is larger than the maximum allowable size for a copy source: {LIMITS.copy_bytes}"
    )
    return refuse(400, "InvalidRequest", message)
