"""A commented windlass.toml, and each setting with its origin."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from pydantic import BaseModel

from windlass.core.secret_values import simple_mask
from windlass.settings.load import Loaded, known_keys, list_sections

__all__ = ["origin_rows", "starter_file", "toml_value"]

_HEADER = """\
# windlass.toml: a key that is commented out has the value shown.
# The command line and the environment (WINDLASS_<SECTION>_<KEY>) override this file;
# `windlass config show --origin` shows where each value in force comes from.
"""


def starter_file() -> str:
    """Write a complete windlass.toml; every key is commented out, with its default, below its description."""
    parts = [_HEADER]
    for section, model in known_keys().items():
        parts.append(f"\n[{section}]  # {(model.__doc__ or '').strip().splitlines()[0]}")
        for name, field in model.model_fields.items():
            parts.extend(f"# {line}" for line in textwrap.wrap(field.description or "", 110))
            parts.append(f"# {name} = {toml_value(field.get_default(call_default_factory=True))}")
    for section, model in list_sections().items():
        parts.append(f"\n#   [[{section}]]  # {(model.__doc__ or '').strip().splitlines()[0]} Repeat it for more.")
        for name, field in model.model_fields.items():
            parts.extend(f"#   # {line}" for line in textwrap.wrap(field.description or "", 106))
            default = '"…"' if field.is_required() else toml_value(field.get_default(call_default_factory=True))
            parts.append(f"#   {name} = {default}")
    return "\n".join(parts) + "\n"


def origin_rows(loaded: Loaded) -> list[dict[str, Any]]:
    """List the settings in force as rows of `key`, `value`, `origin`; passwords in URLs are masked."""
    rows = []
    for section in known_keys():
        values = getattr(loaded.settings, section).model_dump(mode="json")
        for name, value in values.items():
            key = f"{section}.{name}"
            shown = simple_mask(value) if isinstance(value, str) else value  # a URL may hold a password
            rows.append({"key": key, "value": shown, "origin": loaded.origins[key]})
    return rows


def toml_value(value: Any) -> str:
    """Write `value` as TOML; None, which TOML does not have, as an empty string."""
    if value is None:
        return '""  # unset'
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return json.dumps(value) if isinstance(value, (str, bool, int)) else repr(value)
