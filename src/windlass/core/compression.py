"""Compression of our own data: Zstandard where the extra `fast` is installed, else zlib. What is read tells which it is."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from windlass.core.errors import ConfigError

__all__ = ["compress", "compressor", "decompress"]

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1: no zlib stream begins so (its first byte's low half is 8)


def compressor(level: int = 3) -> Callable[[bytes], bytes]:
    """Return a function that compresses, for one thread. `level` is Zstandard's: 1 is fast, 19 is small."""
    try:
        import zstandard
    except ImportError:
        return lambda data: zlib.compress(data, min(level, 9))
    return zstandard.ZstdCompressor(level=level).compress


def compress(data: bytes, level: int = 3) -> bytes:
    """Return the data compressed."""
    return compressor(level)(data)


def decompress(data: bytes) -> bytes:
    """Return what `compress` was given. ConfigError when Zstandard is needed and not installed; ValueError for damage."""
    if not data.startswith(_ZSTD_MAGIC):
        try:
            return zlib.decompress(data)
        except zlib.error as error:
            raise ValueError(f"damaged: {error}") from None
    try:
        import zstandard
    except ImportError:
        raise ConfigError(
            "these data are compressed with Zstandard, which is not installed", hint="pip install 'windlass-aws[fast]'"
        ) from None
    try:
        return zstandard.decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(f"damaged: {error}") from None
