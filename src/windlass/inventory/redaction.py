"""Redaction of secrets in documents: each becomes `redacted:RULE:HASH`, so that a change of it is still visible.

Redaction is by name (core/secret_names.py, and members such as `environment` whose values all count as secrets) and by
value (core/secret_values.py), in JSON and URLs inside texts, too. RULE is the rule that applied. HASH is 64 bits of an HMAC:
the same value has the same hash within one store, and a different one in another store.
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
_MAX_SETTING = 999  # a number up to this is a setting, even under a name such as `pin`
_MAX_JSON_DEPTH = 4  # of JSON in texts in JSON; deeper texts are treated as plain


def redact(document: dict[str, Any], paths: Iterable[str], *, salt: bytes) -> dict[str, Any]:
    """Redact `document` in place and return it. Values at `paths` (dotted patterns) are redacted whatever they are.

    Idempotent: redacted values are not redacted again.
    """
    redactor = _Redactor(salt)
    redactor.members(document, "", "", 0)
    for path in paths:
        change_at(document, path, redactor.declared)
    if redactor.secrets or redactor.values:
        redactor.echoes(document)
    return document


class _Redactor:
    """The redaction of one document. It remembers redacted values, because other members may repeat them."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self.secrets: dict[str, str] = {}  # recognised by name or form: masked inside every other text
        self.values: dict[str, str] = {}  # other values of an environment: masked where an output equals one

    def hashed(self, rule: str, value: Any, *, certain: bool = True) -> str:
        """Return the rule and hash of `value`; `certain` when it is a secret by its own name or form, not by its position."""
        digest = hmac.new(self._salt, canonical_json(value).encode("utf-8", "surrogatepass"), hashlib.sha256)
        replaced = f"redacted:{rule}:{digest.hexdigest()[:16]}"
        if isinstance(value, str) and len(value) >= _ECHO_CHARS:
            (self.secrets if certain else self.values).setdefault(value, replaced)
        return replaced

    def declared(self, value: Any) -> Any:
        """Return the hash of a value at a declared path; None and redacted values are returned unchanged."""
        if value is None or (isinstance(value, str) and REDACTED.fullmatch(value)):
            return value
        return self.hashed("declared", value, certain=False)

    def members(self, value: dict[str, Any] | list[Any], key: str, rule: str, depth: int) -> None:
        """Redact the values of a dict or list. `rule` is set inside a member whose values are all secrets."""
        if isinstance(value, list):
            for number, item in enumerate(value):
                value[number] = self._member(item, _ValueContext(key, key, key, rule, depth))
            return
        names = paired_names(value)
        for name, item in value.items():
            inner = member_rule(name, item, key) or ("" if name in names.kept or is_open(rule, name) else rule)
            value[name] = self._member(item, _ValueContext(name, names.name_of.get(name, name), key, inner, depth))
        for name in [name for name in value if secret_spans(name)]:  # names of tags are free text, too
            value[mask_secrets(name, self.hashed)] = value.pop(name)

    def _member(self, item: Any, context: _ValueContext) -> Any:
        if isinstance(item, (dict, list)):
            rule = context.rule or ("name" if is_secret_name(context.name) else "")
            self.members(item, context.key, rule, context.depth)
            return item
        if isinstance(item, str):
            return self._text(item, context) if item and not REDACTED.fullmatch(item) else item
        if isinstance(item, int) and item > _MAX_SETTING and is_secret_name(context.name):
            return self.hashed("name", item)
        return item

    def _text(self, text: str, context: _ValueContext) -> str:
        secret = is_secret_name(context.name)
        if text[0] in "{[" and not secret and context.rule in ("", "payload") and context.depth < _MAX_JSON_DEPTH:
            inside = self._json(text, context)
            if inside is not None:
                return inside
        by_position = context.rule and (context.rule != "name" or not is_identity(context.name))
        if (by_position or secret) and not is_reference(text):
            return self.hashed(context.rule or "name", text, certain=secret)
        spans = secret_spans(text)
        if not spans and len(text) >= _SHORTEST_RANDOM and is_free_text(context.key, context.name, context.parent):
            spans = entropy_secrets(text)
        return mask_secrets(text, self.hashed, spans=spans) if spans else text

    def _json(self, text: str, context: _ValueContext) -> str | None:
        """Return the text with the secrets of its JSON redacted; None when it is not JSON."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return None
        before = canonical_json(document)
        self.members(document, context.key, context.rule, context.depth + 1)
        return text if canonical_json(document) == before else json.dumps(document, ensure_ascii=False)

    def echoes(self, value: Any, key: str = "") -> None:
        """Redact, in place, members that repeat a secret of another member, as a stack's output repeats a parameter."""
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
    """The position of a value: its member, the name that a sibling member gives it, its parent, rule and JSON depth."""

    key: str
    name: str
    parent: str
    rule: str
    depth: int
