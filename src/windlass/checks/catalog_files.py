"""The catalogue: the checks in `catalog/*.toml`, and those in the user's folder, read and validated."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from windlass.checks.model import Check, Reference, Severity
from windlass.core.errors import ConfigError
from windlass.core.suggest import nearest
from windlass.inventory.pushes.model import OWN_TYPES

__all__ = ["load_checks", "shipped_checks"]

_STANDARDS = ("FSBP", "CIS", "Security Hub")


class _Row(BaseModel):
    """A `[[check]]` of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    type: str
    title: Annotated[str, Field(min_length=1)]
    severity: str
    passes: str = ""
    sql: str = ""
    reads: tuple[str, ...] = ()
    applies: str = ""
    why: str = ""
    remedy: str = ""
    references: tuple[str, ...] = ()
    any_of_account: bool = False


@cache
def shipped_checks() -> tuple[Check, ...]:
    """Return the checks that come with Windlass, by file and in their order."""
    folder = files(__package__) / "catalog"
    texts = sorted((item.name, item.read_text("utf-8")) for item in folder.iterdir() if item.name.endswith(".toml"))
    return tuple(check for name, text in texts if name != "ends.toml" for check in _read(name, text, "windlass"))


def load_checks(folder: Path | None, types: Iterable[str]) -> tuple[Check, ...]:
    """Return the shipped checks and those of the `*.toml` files in `folder`; a user's check replaces a shipped one of its id.

    `types` are the known resource types, besides those of other collectors (`custom.…`). ConfigError for a file that can't be
    read, and for a mistake in it.
    """
    checks = {check.id: check for check in shipped_checks()}
    known = frozenset(types)
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"checks.folder: {folder} is not a folder", hint="Create it, or remove the setting.")
    for file in sorted(folder.glob("*.toml")) if folder is not None else ():
        for check in _read(str(file), file.read_text("utf-8"), str(file)):
            for kind in (check.type, *check.reads):
                if kind not in known and not kind.startswith(OWN_TYPES):
                    close = nearest(kind, known)
                    hint = f"Did you mean {close!r}?" if close else "`windlass inventory types` lists them."
                    raise ConfigError(f"{file}: {check.id}: there is no resource type {kind!r}", hint=hint)
            checks[check.id] = check
    return tuple(checks.values())


def _read(name: str, text: str, origin: str) -> Iterator[Check]:
    try:
        rows = tomllib.loads(text).get("check", ())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not valid TOML: {error}", hint="Every check is one [[check]] table.") from None
    for number, row in enumerate(rows, 1):
        yield _check(f"{name}: check {number}", row, origin)


def _check(place: str, row: Mapping[str, Any], origin: str) -> Check:
    try:
        values = _Row.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        member = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{place}: {member}: {first['msg']}", hint="docs/guide/checks.md shows a check.") from None
    if bool(values.passes) == bool(values.sql) or (values.sql and (values.applies or values.any_of_account)):
        raise ConfigError(
            f"{place}: {values.id} needs either passes or sql",
            hint="passes is a condition, and takes applies; sql is a SELECT of the ids of the resources that fail.",
        )
    labels = [severity.label for severity in Severity]
    if values.severity not in labels:
        raise ConfigError(
            f"{place}: severity {values.severity!r} does not exist", hint=f"Choose of {', '.join(labels)}."
        )
    return Check(
        id=values.id,
        type=values.type,
        title=values.title,
        severity=Severity[values.severity.upper()],
        passes=values.passes,
        sql=values.sql,
        reads=values.reads,
        applies=values.applies,
        why=values.why,
        remedy=values.remedy,
        references=tuple(_reference(text) for text in values.references),
        any_of_account=values.any_of_account,
        origin=origin,
    )


def _reference(text: str) -> Reference:
    """Return `CIS 2.1.4` as (CIS, 2.1.4). The complete text is the standard when it begins with no known one."""
    for standard in _STANDARDS:
        if text.startswith(f"{standard} "):
            return Reference(standard, text.removeprefix(f"{standard} "))
    return Reference("", text)
