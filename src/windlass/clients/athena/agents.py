"""The parser of user agents as SQL (Trino's dialect, as in Athena), made from the same tables as the parser in Python.

A test compares both on every agent of the corpus and on random text. The patterns use only what Java's regular
expressions and RE2 have in common: no look-around, no \\s and \\w, whose characters differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from windlass.clients.sdks import runtimes, sdks
from windlass.clients.versions import PART_MAX, SERVICE

__all__ = ["packed", "parsed_columns", "plain_layers"]

_SPACE = r" \t\n\r\f"
_BEFORE = f"(?:^|[{_SPACE},])(?:(?:md|lang)[/#])?"
_AFTER = f"(?:[/#][^{_SPACE},]*)?(?:[{_SPACE},]|$)"
_PREFIX = SERVICE.replace("A-Za-uw-z", "a-uw-z").replace("A-Za-z", "a-z").replace("[vV]", "v") + "?"
_NUMBERS = r"([0-9]{1,18}(?:\.[0-9]{1,18}){0,2})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _names(products: Iterable[str]) -> str:
    return "|".join(
        re.escape(product.rstrip("*")) + (f"[^/#{_SPACE},]*" if product.endswith("*") else "") for product in products
    )


def plain_layers(column: str) -> tuple[str, str, str]:
    """Return three layers of columns: `trimmed`, the agent; `bare`, without brackets; `plain`, lower, without comments."""
    edges = f"^[{_SPACE}]+|[{_SPACE}]+$"
    trimmed = f"regexp_replace(substr({column}, 1, 4096), {_quoted(edges)}, '')"
    bare = "CASE WHEN trimmed LIKE '[%]' THEN substr(trimmed, 2, length(trimmed) - 2) ELSE trimmed END"
    closed = "bare"
    for _ in range(3):
        closed = f"regexp_replace({closed}, '\\([^()]*\\)', '')"
    # An unclosed comment lasts to the end of the text.
    return f"{trimmed} AS trimmed", f"{bare} AS bare", f"lower(split_part({closed}, '(', 1)) AS plain"


def parsed_columns() -> tuple[str, str, str]:
    """Return three layers of columns, each over the one before it: tokens from `plain`; ids; versions as text."""
    all_products = _names(product for sdk in sdks().values() for product in sdk.products)
    first = f"regexp_extract(plain, {_quoted(f'{_BEFORE}({all_products}){_AFTER}')}, 1)"
    present = ", ".join(
        f"regexp_like(plain, {_quoted(f'{_BEFORE}(?:{_names(sdks()[name].products)}){_AFTER}')}) AS has_{name.replace('-', '_')}"
        for name in ("botocore", "boto3", "aws-cli")
    )
    named = "|".join(re.escape(name) for runtime in runtimes().values() for name in runtime.names)
    platforms = "|".join(platform for runtime in runtimes().values() for platform in runtime.platforms)
    runtime = _quoted(f"{_BEFORE}((?:{named})[/#]{_PREFIX}v?[0-9]|(?:{platforms})[/#]v[0-9])")
    tokens = f"{first} AS first_product, {present}, regexp_extract(plain, {runtime}, 1) AS first_runtime"
    signer = (
        "CASE WHEN has_botocore THEN 'botocore' WHEN has_boto3 THEN 'boto3' WHEN has_aws_cli THEN 'aws-cli' "
        f"ELSE {_family()} END"
    )
    client = f"CASE WHEN has_aws_cli THEN 'aws-cli' WHEN has_boto3 THEN 'boto3' WHEN has_botocore THEN 'botocore' ELSE {_family()} END"
    ids = f"{client} AS client, {signer} AS signer, {_runtime()} AS runtime"
    versions = f"{_version('client')} AS client_text, {_version('signer')} AS signer_text, {_runtime_version()} AS runtime_text"
    return tokens, ids, versions


def _family() -> str:
    rows = []
    for sdk in sdks().values():
        pattern = f"^(?:{_names(sdk.products)})$"
        rows.append(f"WHEN regexp_like(coalesce(first_product, ''), {_quoted(pattern)}) THEN '{sdk.id}'")
    return f"CASE {' '.join(rows)} ELSE '' END"


def _runtime() -> str:
    rows = [
        f"WHEN regexp_like(first_runtime, '^(?:{'|'.join(runtime.platforms)})[/#]') THEN '{runtime.id}'"
        for runtime in runtimes().values()
        if runtime.platforms
    ]
    for runtime in runtimes().values():
        pattern = f"^(?:{'|'.join(re.escape(name) for name in runtime.names)})[/#]"
        rows.append(f"WHEN regexp_like(first_runtime, {_quoted(pattern)}) THEN '{runtime.id}'")
    return f"CASE WHEN coalesce(first_runtime, '') = '' THEN '' {' '.join(rows)} ELSE '' END"


def _version(column: str) -> str:
    """Return the version's numbers as text, from the first token of the family that has any."""
    rows = []
    for sdk in sdks().values():
        pattern = f"{_BEFORE}(?:{_names(sdk.products)})[/#]{_PREFIX}v?{_NUMBERS}"
        rows.append(f"WHEN '{sdk.id}' THEN regexp_extract(plain, {_quoted(pattern)}, 1)")
    return f"CASE {column} {' '.join(rows)} ELSE '' END"


def _runtime_version() -> str:
    rows = []
    for runtime in runtimes().values():
        names = "|".join(re.escape(name) for name in runtime.names)
        token = f"(?:{names})[/#]{_PREFIX}v?"
        if runtime.platforms:
            token = f"(?:{token}|(?:{'|'.join(runtime.platforms)})[/#]v)"
        rows.append(f"WHEN '{runtime.id}' THEN regexp_extract(plain, {_quoted(f'{_BEFORE}{token}{_NUMBERS}')}, 1)")
    return f"CASE runtime {' '.join(rows)} ELSE '' END"


def packed(column: str) -> str:
    """Return a version's text as one BIGINT, six digits per part; null when it has none."""
    parts = [
        f"least(coalesce(try_cast(nullif(split_part({column}, '.', {at}), '') AS BIGINT), 0), {PART_MAX})"
        for at in (1, 2, 3)
    ]
    number = f"{parts[0]} * 1000000000000 + {parts[1]} * 1000000 + {parts[2]}"
    return f"CASE WHEN coalesce({column}, '') = '' THEN NULL ELSE {number} END"
