"""Attributes that an output copies from its source: headers that S3 stores, and the content type."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping

from windlass.pipelines.model import Output, Source

__all__ = ["content_type_of", "preserved_headers"]

_ALWAYS = ("cache-control", "content-language", "x-amz-storage-class")
_UNCHANGED = ("content-encoding", "content-disposition", "expires")


def preserved_headers(headers: Mapping[str, str], *, unchanged: bool) -> dict[str, str]:
    """Return the source's headers to preserve. Content encoding, disposition and expiry hold for unchanged bytes only."""
    names = _ALWAYS + (_UNCHANGED if unchanged else ())
    return {name: headers[name] for name in names if headers.get(name)}


def content_type_of(output: Output, source: Source) -> str:
    """Return the output's own type; else the source's when the name is unchanged; else the type of the name's suffix."""
    if output.content_type:
        return output.content_type
    if output.name == source.name:
        return source.content_type
    return mimetypes.guess_type(output.name)[0] or "application/octet-stream"
