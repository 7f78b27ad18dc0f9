"""Mutes: accepted findings, each with a reason, in a TOML file that belongs under version control."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from windlass.checks.model import Mute
from windlass.core.errors import ConfigError

__all__ = ["add_mute", "load_mutes", "mute_of", "mute_text"]

_HEAD = "# Findings that are accepted. `windlass check mute` adds to this file; keep it under version control.\n"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    resource: str = "*"
    reason: Annotated[str, Field(min_length=1)]
    until: date | None = None


def load_mutes(file: Path, checks: Iterable[str]) -> tuple[Mute, ...]:
    """Return the mutes of a file; none when there is no file. ConfigError for a mistake, and for a check that does not exist."""
    if not file.exists():
        return ()
    try:
        rows = [_Row.model_validate(row) for row in tomllib.loads(file.read_text("utf-8")).get("mute", ())]
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        first = str(error).splitlines()[0] if isinstance(error, tomllib.TOMLDecodeError) else error.errors()[0]["msg"]
        raise ConfigError(
            f"{file} is not a file of mutes: {first}", hint="A [[mute]] has check, resource, reason and until."
        ) from None
    known = frozenset(checks)
    for row in rows:
        if row.check not in known and "*" not in row.check:
            raise ConfigError(
                f"{file} mutes {row.check}, which does not exist", hint="`windlass check list` shows the ids."
            )
    return tuple(
        Mute(
            check=row.check, resource=row.resource, reason=row.reason, until=row.until.isoformat() if row.until else ""
        )
        for row in rows
    )


def add_mute(file: Path, mute: Mute) -> None:
    """Append a mute to the file, and create the file if needed."""
    new = not file.exists()
    with file.open("a", encoding="utf-8") as text:
        text.write((_HEAD if new else "") + "\n" + mute_text(mute) + "\n")


def mute_text(mute: Mute) -> str:
    """Return a mute as the text of the file."""
    lines = ["[[mute]]", f"check = {_text(mute.check)}", f"resource = {_text(mute.resource)}"]
    lines.append(f"reason = {_text(mute.reason)}")
    return "\n".join([*lines, *([f"until = {mute.until}"] if mute.until else [])])


def mute_of(mutes: Sequence[Mute], check: str, names: Sequence[str], today: date) -> Mute | None:
    """Return the first mute of a check that matches one of the resource's names and has not ended; None when there is none."""
    for mute in mutes:
        if mute.until and date.fromisoformat(mute.until) < today:
            continue
        if fnmatchcase(check, mute.check) and any(fnmatchcase(name, mute.resource) for name in names if name):
            return mute
    return None


def _text(value: str) -> str:
    """Return a TOML string: JSON's escapes are TOML's."""
    return json.dumps(value, ensure_ascii=False)
