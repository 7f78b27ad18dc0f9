"""The members of AWS's responses that hold secrets (environments, headers, arguments), and those that are free text.

One table serves all types, curated or automatic: types do not declare secrets.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PairedNames", "is_free_text", "is_identity", "is_open", "member_rule", "paired_names"]

# Members whose values all count as secrets; names in lower case without separators.
_MAPS = {
    "environment": "environment",
    "env": "environment",
    "environmentvariables": "environment",
    "variables": "environment",
    "environmentoverrides": "environment",
    "stagevariables": "environment",
    "optionsettings": "environment",
    "headers": "header",
    "headerparameters": "header",
    "customheaders": "header",
    "origincustomheaders": "header",
    "additionalheaders": "header",
    "requestheaders": "header",
    "insertheaders": "header",
    "commonattributes": "header",
    "querystringparameters": "header",
    "bodyparameters": "header",
    "defaultarguments": "argument",
    "nonoverridablearguments": "argument",
    "dockerlabels": "argument",
}
_ENDINGS = (("environmentvariables", "environment"), ("headerparameters", "header"), ("customheaders", "header"))
_LISTS = {"command": "command", "entrypoint": "command", "args": "command", "pathparametervalues": "header"}
_TEXTS = {"command": "command", "entrypoint": "command", "input": "payload", "inputtemplate": "payload"}
_OPTIONS_OF = frozenset({"logconfiguration", "firelensconfiguration"})
_OPEN_OPTIONS = ("awslogs-", "mode", "max-buffer-size")  # the destination of logs: often queried, never a secret

_FREE_TEXT = re.compile(
    r"(description|comments?|notes?|message|reason|summary|title|text|body|content|query|statement|expression|script|"
    r"value|template|labels?|annotations?|input|json|definition|metadata)$"
)
_FREE_MAPS = frozenset(
    {
        "tags",
        "parameters",
        "properties",
        "labels",
        "annotations",
        "metadata",
        "connectionproperties",
        "options",
        "attributes",
        "payload",
    }
)
_PUBLIC = frozenset({"resourcerecord", "resourcerecords"})  # DNS publishes its random validation records
_IDENTITY = re.compile(
    r"(name|names|id|ids|arn|arns|key|type|status|state|region|zone|engine|version|url|uri|endpoint|address|owner|account|"
    r"time|date|from|location|format)$"
)
# Random, but not secret, and often searched: commits, checksums, versions.
_DIGEST = re.compile(
    r"(digest|hash|sha|sha1|sha256|sha512|md5|etag|checksum|fingerprint|commit|commitid|revision|version|build|buildid|uuid|"
    r"id|arn|url|uri|image|thumbprint)$"
)


@dataclass(frozen=True, slots=True)
class PairedNames:
    """For a dict such as {"Name": "X-Api-Key", "Value": "…"}: the name of each value member, and the members that hold names."""

    name_of: Mapping[str, str]
    kept: frozenset[str]


_UNPAIRED = PairedNames({}, frozenset())


@functools.lru_cache(maxsize=8_192)
def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def paired_names(members: Mapping[str, Any]) -> PairedNames:
    """Return the names that members of the dict give to other members: Name/Value, ParameterKey/ParameterValue, …"""
    if len(members) > 12:
        return _UNPAIRED
    plain = {_plain(member): member for member in members}
    name_of: dict[str, str] = {}
    kept: set[str] = set()
    for short, member in plain.items():
        if not short.endswith(("value", "values")):
            continue
        stem = short.removesuffix("s").removesuffix("value")
        for naming in (f"{stem}key", f"{stem}name", "key", "name", "id", "optionname"):
            name = members.get(plain.get(naming, ""))
            if isinstance(name, str) and plain[naming] != member:
                name_of[member] = name
                kept |= {
                    plain[naming],
                    *(plain[other] for other in ("type", "namespace", "valuefrom") if other in plain),
                }
                break
    return PairedNames(name_of, frozenset(kept)) if name_of else _UNPAIRED


def member_rule(name: str, value: Any, parent: str) -> str:
    """Return the rule by which every text in the member is a secret; empty for most members."""
    short = _plain(name)
    if isinstance(value, str):
        return _TEXTS.get(short, "")
    if isinstance(value, list) and short in _LISTS:
        return _LISTS[short]
    if isinstance(value, dict) and short == "options" and _plain(parent) in _OPTIONS_OF:
        return "option"
    rule = _MAPS.get(short) or next((kind for ending, kind in _ENDINGS if short.endswith(ending)), "")
    return rule if rule and _holds_values(value) else ""


def _holds_values(value: Any) -> bool:
    """Return False for a list of bare texts (CORS lists the names of headers) and for a dict with nested members
    (CodeBuild's `environment` has a member for its variables)."""
    if isinstance(value, dict):
        items = value.get("Items")
        return (
            _holds_values(items)
            if isinstance(items, list)
            else not any(isinstance(item, (dict, list)) for item in value.values())
        )
    return isinstance(value, list) and not all(isinstance(item, str) for item in value)


def is_open(rule: str, name: str) -> bool:
    """True for members inside a secret one that name the destination of logs."""
    return rule == "option" and name.startswith(_OPEN_OPTIONS)


@functools.lru_cache(maxsize=8_192)
def is_identity(name: str) -> bool:
    """True for members that identify a resource or refer to one: hashing them would break relations."""
    return bool(_IDENTITY.search(_plain(name)))


@functools.lru_cache(maxsize=8_192)
def is_free_text(key: str, name: str, parent: str) -> bool:
    """True when the member holds free text, so that random characters in it may be a secret."""
    if name.startswith("aws:") or _plain(parent) in _PUBLIC or _DIGEST.search(_plain(name)):
        return False
    return key != name or _plain(parent) in _FREE_MAPS or bool(_FREE_TEXT.search(_plain(key)))
