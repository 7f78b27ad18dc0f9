"""What an output takes over from its source beside the content: headers that S3 keeps, and the content type."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping

from windlass.pipelines.model import Output, Source

__all__ = ["content_type_of", "preserved_headers"]

_ALWAYS = ("cache-control", "content-language", "x-amz-storage-class")
_UNCHANGED = ("content-encoding", "content-disposition", "expires")


def preserved_headers(headers: Mapping[str, str], *, as_it_is: bool) -> dict[str, str]:
    """What S3 keeps with an object. How bytes are coded, and under which name, holds for unchanged bytes only."""
    names = _ALWAYS + (_UNCHANGED if as_it_is else ())
    return {name: headers[name] for name in names if headers.get(name)}


def content_type_of(output: Output, source: Source) -> str:
    """The output's own; else the source's, when not even the name was changed; else what the name says."""
    if output.content_type:
        return output.content_type
    if output.name == source.name:
        return source.content_type
    return mimetypes.guess_type(output.name)[0] or "application/octet-stream"
