"""The windlass.toml that goes into a function: the entries it runs and how it reaches AWS, nothing else.

A function works as its own role in its own account: roles to assume, profiles, the list of the organization's accounts, and
files of this machine are none of its business, and it may not use them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from windlass.settings import Settings

__all__ = ["function_config"]

_ESTATE = (
    "endpoint_url",
    "endpoints",
    "allow_endpoint_override",
    "home_region",
    "retries",
    "connect_timeout_s",
    "read_timeout_s",
    "max_connections",
    "use_fips",
    "use_dualstack",
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def function_config(
    settings: Settings, section: str, entries: Sequence[BaseModel], *, account_id: str = "", region: str = ""
) -> str:
    """The file's text: `entries` of `[[section]]`, and of `[estate]` and `[log]` what holds inside a function.

    `account_id` and `region` are the function's; empty when they are not known yet.
    """
    estate = {name: value for name, value in _given(settings.estate).items() if name in _ESTATE}
    if region:
        estate |= {"home_region": region, "regions": [region]}
    if account_id:
        estate |= {"accounts": [{"id": account_id}], "allowed_accounts": [account_id]}
    lines = ["# Written by `windlass deploy` and `windlass build lambda`: what this function runs.\n"]
    for name, values in (("estate", estate), ("log", _given(settings.log))):
        if values:
            lines += [f"[{name}]", *_lines(values), ""]
    for entry in entries:
        lines += [f"[[{section}]]", *_lines(_given(entry)), ""]
    return "\n".join(lines)


def _given(model: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = model.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    return found


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(value)}" for name, value in values.items()]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }" if value else "{}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return (
        json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
        if isinstance(value, (str, bool, int))
        else repr(value)
    )
