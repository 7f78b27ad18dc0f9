"""Secrets never reach the store, whatever the type: each becomes `redacted:RULE:HASH`, so that its change is still seen.

Redaction is by name (core/secret_names.py, and members such as `environment` whose values all count as secrets) and by
value (core/secret_values.py), in JSON and URLs inside texts, too. RULE says which rule it was. HASH is 64 bits of an HMAC:
the same value has the same hash under one store's salt, and says nothing under another's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from windlass.core.canonical import canonical_json
from windlass.core.secret_names import is_reference, is_secret_name
from windlass.core.secret_values import REDACTED, entropy_secrets, mask_secrets, secret_spans
from windlass.inventory.paths import change_at
from windlass.inventory.secret_members import is_free_text, is_identity, is_open, member_rule, paired_names

__all__ = ["redact"]

_ECHO_CHARS = 8  # a shorter secret is not looked for in other members: it would occur there by chance
_SHORTEST_RANDOM = 20
_LARGEST_SWITCH = 999  # a number up to this is a setting, even under a name such as `pin`
_JSON_DEPTH = 4  # JSON in a text in JSON: deeper ones are treated as plain text


def redact(document: dict[str, Any], paths: Iterable[str], *, salt: bytes) -> dict[str, Any]:
    """`document`, changed in place: no secret is left in it. `paths` are dotted patterns redacted whatever they hold.

    Idempotent: what is redacted stays as it is.
    """
    redactor = _Redactor(salt)
    redactor.members(document, "", "", 0)
    for path in paths:
        change_at(document, path, redactor.declared)
    if redactor.secrets or redactor.values:
        redactor.echoes(document)
    return document


class _Redactor:
    """One document's redaction, and what it has redacted so far: a secret may be repeated in another member."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self.secrets: dict[str, str] = {}  # told by name or form: masked inside every other text
        self.values: dict[str, str] = {}  # all other values of an environment: masked where an output is one of them

    def hashed(self, rule: str, value: Any, *, certain: bool = True) -> str:
        """`value` as its rule and hash; `certain` when it is a secret by itself, not by its place."""
        digest = hmac.new(self._salt, canonical_json(value).encode("utf-8", "surrogatepass"), hashlib.sha256)
        replaced = f"redacted:{rule}:{digest.hexdigest()[:16]}"
        if isinstance(value, str) and len(value) >= _ECHO_CHARS:
            (self.secrets if certain else self.values).setdefault(value, replaced)
        return replaced

    def declared(self, value: Any) -> Any:
        """What a declared path names, hashed whatever it is; None, and what is redacted already, stay."""
        if value is None or (isinstance(value, str) and REDACTED.fullmatch(value)):
            return value
        return self.hashed("declared", value, certain=False)

    def members(self, value: dict[str, Any] | list[Any], key: str, rule: str, depth: int) -> None:
        """Redact what is in a dict or list; `rule` is that of a member around it whose values are all secrets."""
        if isinstance(value, list):
            for number, item in enumerate(value):
                value[number] = self._member(item, _ValueContext(key, key, key, rule, depth))
            return
        names = paired_names(value)
        for name, item in value.items():
            inner = member_rule(name, item, key) or ("" if name in names.kept or is_open(rule, name) else rule)
            value[name] = self._member(item, _ValueContext(name, names.of.get(name, name), key, inner, depth))
        for name in [name for name in value if secret_spans(name)]:  # a tag's name is somebody's text, too
            value[mask_secrets(name, self.hashed)] = value.pop(name)

    def _member(self, item: Any, place: _ValueContext) -> Any:
        if isinstance(item, (dict, list)):
            rule = place.rule or ("name" if is_secret_name(place.name) else "")
            self.members(item, place.key, rule, place.depth)
            return item
        if isinstance(item, str):
            return self._text(item, place) if item and not REDACTED.fullmatch(item) else item
        if isinstance(item, int) and item > _LARGEST_SWITCH and is_secret_name(place.name):
            return self.hashed("name", item)
        return item

    def _text(self, text: str, place: _ValueContext) -> str:
        secret = is_secret_name(place.name)
        if text[0] in "{[" and not secret and place.rule in ("", "payload") and place.depth < _JSON_DEPTH:
            inside = self._json(text, place)
            if inside is not None:
                return inside
        by_place = place.rule and (place.rule != "name" or not is_identity(place.name))
        if (by_place or secret) and not is_reference(text):
            return self.hashed(place.rule or "name", text, certain=secret)
        spans = secret_spans(text)
        if not spans and len(text) >= _SHORTEST_RANDOM and is_free_text(place.key, place.name, place.parent):
            spans = entropy_secrets(text)
        return mask_secrets(text, self.hashed, spans=spans) if spans else text

    def _json(self, text: str, place: _ValueContext) -> str | None:
        """The text with the secrets of its JSON redacted; None when it is not JSON."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return None
        before = canonical_json(document)
        self.members(document, place.key, place.rule, place.depth + 1)
        return text if canonical_json(document) == before else json.dumps(document, ensure_ascii=False)

    def echoes(self, value: Any, key: str = "") -> None:
        """Redact, in place, members that repeat a secret of another one: a stack's output that is a parameter."""
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in list(items):
            member = name if isinstance(name, str) else key
            if isinstance(item, (dict, list)):
                self.echoes(item, member)
            elif isinstance(item, str) and len(item) >= _ECHO_CHARS and not is_identity(member):
                value[name] = self._without_echo(item, member)

    def _without_echo(self, text: str, member: str) -> str:
        if member == "OutputValue" and text in self.values and not is_reference(text):
            return self.values[text]
        for secret, replaced in self.secrets.items():
            if secret in text:
                text = text.replace(secret, replaced)
        return text


@dataclass(frozen=True, slots=True)
class _ValueContext:
    """Where a value stands: its member, the name that the member beside it gives it, the member around it."""

    key: str
    name: str
    parent: str
    rule: str
    depth: int
