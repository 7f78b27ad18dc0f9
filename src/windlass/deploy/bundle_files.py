"""Which files of an installed or downloaded distribution belong in a zip, and under which path. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath

__all__ = ["belongs"]

_SUFFIXES = (".pyc", ".pyi", ".pyx", ".pxd", ".pxi", ".c", ".cpp", ".cc", ".h", ".pth", ".typed")
_RECORDS = re.compile(r"\.dist-info/(?!METADATA$|licenses/|LICEN[CS]E|NOTICE|COPYING|AUTHORS)")
"""What an installer writes differs from one to the next; what tells whose work it is stays."""
_TESTS = re.compile(r"(^|/)(tests?|__pycache__|conftest\.py)(/|$)")
_OF_OTHERS = {
    # Flight, Substrait and Gandiva are servers and engines beside Parquet; headers are for compilers.
    "pyarrow": re.compile(
        r"^pyarrow/(include|src|tests|vendored/docscrape)|flight|substrait|gandiva|^pyarrow/_orc|\.lib$"
    ),
    "pydantic": re.compile(r"^pydantic/(v1|mypy\.py|_hypothesis_plugin)"),
    "duckdb": re.compile(r"^(adbc_driver_duckdb|duckdb/experimental|_duckdb-stubs)"),
    "yaml": re.compile(r"^_yaml"),
}
_BOTOCORE_DATA = re.compile(r"^(botocore|boto3)/(data|examples)/([^/]+)(/|$)")


def belongs(distribution: str, path: str, *, services: Collection[str] = ()) -> bool:
    """Whether the file is needed to run. `services` are those of AWS whose API models botocore keeps."""
    if path.startswith("..") or PurePosixPath(path).suffix in _SUFFIXES or _RECORDS.search(path):
        return False
    if _TESTS.search(path) and ".dist-info/" not in path:
        return False
    others = _OF_OTHERS.get(distribution)
    if others is not None and others.search(path):
        return False
    data = _BOTOCORE_DATA.match(path)
    if data is None or not data[4]:  # botocore/data/endpoints.json and its like are of all
        return True
    return data[2] == "data" and data[3] in services
