"""The rules of a configuration, read with their file."""

from __future__ import annotations

from pathlib import Path

from windlass.core.errors import ConfigError
from windlass.owners.config import OwnersConfig
from windlass.owners.owners_file import parse_owners
from windlass.owners.rules import OwnerRules

__all__ = ["load_rules"]


def load_rules(config: OwnersConfig, base: Path) -> OwnerRules:
    """Return the rules of the section and of its file, a path from `base`. ConfigError for a file that can't be read."""
    if not config.file:
        return OwnerRules(config)
    path = base / config.file
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"owners.file: {path} cannot be read: {error}", hint="Create it, or remove the setting."
        ) from None
    return OwnerRules(config, parse_owners(text, path.name))
