"""A zip whose bytes depend on its files alone: sorted, dated 1980, with one of two modes, compressed the same way. Pure.

The bytes are those of the zlib at hand; two machines with the same zlib make the same zip.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping

from windlass.core.errors import Conflict
from windlass.deploy.bundle import Entry

__all__ = ["by_path", "zip_bytes"]

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 9
_UNIX = 3


def by_path(entries: Iterable[Entry]) -> Mapping[str, Entry]:
    """The entries by path, in order; Conflict when two differ under one path."""
    found: dict[str, Entry] = {}
    for one in sorted(entries, key=lambda entry: entry.path):
        if found.setdefault(one.path, one).content != one.content:
            raise Conflict(f"two files would be {one.path} in the zip", hint="Rename the one that you add.")
    return found


def zip_bytes(entries: Iterable[Entry]) -> bytes:
    """The zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for one in by_path(entries).values():
            info = zipfile.ZipInfo(one.path, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = _UNIX
            info.external_attr = (0o100755 if one.executable else 0o100644) << 16
            archive.writestr(info, one.content, compresslevel=_LEVEL)
    return buffer.getvalue()
