"""Manifests of S3 Batch Operations, written and read as streams: `bucket,key[,version]` rows, keys URL-encoded. Pure.

The format is exact (S3 user guide, "Specifying a manifest"): no header (S3 would read it as a bucket's name), keys as
`quote_plus(key, safe="/")` writes them, and a version id on every row or on none. Rows are encoded in blocks: one join
and one regular expression over bytes instead of a call per key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from urllib.parse import quote_plus, unquote_plus

__all__ = [
    "FIELDS",
    "FIELDS_WITH_VERSIONS",
    "FORMAT",
    "Row",
    "encode_rows",
    "encode_versions",
    "quote_key",
    "read_rows",
]

FORMAT = "S3BatchOperations_CSV_20180820"
FIELDS = ("Bucket", "Key")
FIELDS_WITH_VERSIONS = ("Bucket", "Key", "VersionId")

Row = tuple[str, str, str]
"""Bucket, key as S3 has it, version id (empty for the current one)."""

_BLOCK = 4096
# Bytes that are invalid in UTF-8 separate the keys while a block is encoded. "\udcff" is their spelling in a Python
# str.
_END, _MARK = b"\xff", b"\xfe"
_END_TEXT, _MARK_TEXT = "\udcff", "\udcfe"
_UNSAFE = re.compile(rb"[^A-Za-z0-9_.\-~/\xff\xfe]")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_ENCODED = {bytes((code,)): b"+" if code == 0x20 else f"%{code:02X}".encode() for code in range(256)}
_DECODED = {f"{code:{form}}".encode(): bytes((code,)) for code in range(256) for form in ("02X", "02x")}


def quote_key(key: str) -> str:
    """Return a key as manifests and completion reports write it."""
    return quote_plus(key, safe="/")


def encode_rows(bucket: str, keys: Iterable[str]) -> Iterator[bytes]:
    """Yield chunks of some thousand rows of a manifest without versions."""
    lead = bucket.encode() + b","
    source = iter(keys)
    while block := list(islice(source, _BLOCK)):
        # A key with a lone surrogate could be mistaken for a separator. S3 has no such keys.
        yield lead + _encoded(_END_TEXT.join(block)).replace(_END, b"\n" + lead) + b"\n"


def encode_versions(bucket: str, rows: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """Yield chunks of a manifest of (key, version id)."""
    lead = bucket.encode() + b","
    source = iter(rows)
    while block := list(islice(source, _BLOCK)):
        if _UNSAFE.search(
            "".join([version for _, version in block]).encode()
        ):  # version ids are written without encoding
            yield "".join([f"{bucket},{quote_key(key)},{version}\n" for key, version in block]).encode()
            continue
        joined = _END_TEXT.join([f"{key}{_MARK_TEXT}{version}" for key, version in block])
        yield lead + _encoded(joined).replace(_MARK, b",").replace(_END, b"\n" + lead) + b"\n"


def read_rows(chunks: Iterable[bytes]) -> Iterator[Row]:
    """Yield the rows of a manifest with decoded keys, from chunks of any size. Quoted fields (S3 Inventory) are
    accepted.
    """
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        cut = data.rfind(b"\n") + 1
        yield from _rows(data[:cut])
        rest = data[cut:]
    yield from _rows(rest)


def _encoded(joined: str) -> bytes:
    return _UNSAFE.sub(lambda match: _ENCODED[match[0]], joined.encode("utf-8", "surrogateescape"))


def _rows(block: bytes) -> Iterator[Row]:
    """Yield the rows of complete lines. Blocks in our own format are decoded at once."""
    lines = block.count(b"\n")
    if block.count(b",") == lines and b'"' not in block and b"\r" not in block:
        marked = block[:-1].replace(b"\n", _END).replace(b",", _MARK).replace(b"+", b" ")
        text = _ESCAPE.sub(lambda match: _DECODED[match[1]], marked).decode("utf-8", "surrogateescape")
        rows = [line.split(_MARK_TEXT) for line in text.split(_END_TEXT)] if lines else []
        if len(rows) == lines == text.count(_MARK_TEXT):  # a key with a separator's bytes would have made more rows
            for bucket, key in rows:
                yield bucket, key, ""
            return
    yield from map(_row, filter(None, block.split(b"\n")))


def _row(line: bytes) -> Row:
    bucket, key, *version = line.decode().rstrip("\r").replace('"', "").split(",")
    return bucket, unquote_plus(key) if "%" in key or "+" in key else key, version[0] if version else ""
