"""The target template, `s3://bucket/{date:%Y/%m/%d}/{stem}.json`: checked when it is read, filled in for each output.

    {key}      the source's complete key         {name}    the file name after the transform: a.json
    {path}     the key below the source's folder {member}  the path inside an expanded archive
    {dir}      {path}'s folder, with its /, or nothing
    {stem}     the file name without its last suffix     {suffix}  that suffix, with its dot, or nothing
    {date:…}   Last-Modified of the source version, in UTC, by the numeric codes of strftime
    {bucket} {version} {etag}    of the source   {index}   0, 1, 2 … of one source's outputs

One source version always has the same targets. Write `{{` and `}}` for braces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from windlass.core.errors import ConfigError
from windlass.pipelines.model import Output, Reason, Rejected, Source
from windlass.pipelines.selection import Selection, split_url

__all__ = ["TargetTemplate", "read_template"]

_NAMES = ("key", "path", "dir", "stem", "suffix", "name", "member", "date", "bucket", "version", "etag", "index")
_PER_VERSION = ("date", "version", "etag")
_PER_OUTPUT = ("name", "member", "index")
_CODES = "YmdHMSjyVGu%"
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[^{}]+|[{}]")
_MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTemplate:
    """A checked target template."""

    bucket: str
    pieces: tuple[str | _Field, ...]
    selection: Selection

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in the template."""
        return frozenset(piece.name for piece in self.pieces if isinstance(piece, _Field))

    @property
    def per_version(self) -> bool:
        """True when each version of a source has its own targets instead of replacing the previous version's."""
        return bool(self.names & set(_PER_VERSION))

    @property
    def per_output(self) -> bool:
        """True when several outputs of one source have different targets."""
        return bool(self.names & set(_PER_OUTPUT))

    @property
    def distinct(self) -> bool:
        """True when two sources can never have the same target. Otherwise the second one is refused when it happens."""
        names = self.names
        return bool(names & {"key", "path"}) or {"dir", "name"} <= names or {"dir", "stem", "suffix"} <= names

    @property
    def head(self) -> str:
        """The literal text with which every target key begins."""
        first = self.pieces[0] if self.pieces else ""
        return first if isinstance(first, str) else ""

    @property
    def tail(self) -> str:
        """The literal text with which every target key ends."""
        last = self.pieces[-1] if self.pieces else ""
        return last if isinstance(last, str) else ""

    def key(self, source: Source, output: Output, index: int = 0) -> str:
        """Return the target key of one output.

        Raises:
            Rejected: The key would be empty, longer than 1,024 bytes, or contain `..`.

        """
        key = "".join(
            piece if isinstance(piece, str) else self._fill(piece, source, output, index) for piece in self.pieces
        )
        if not key or len(key.encode()) > _MAX_KEY_BYTES:
            raise Rejected(
                Reason.UNSAFE_NAME, f"the target key would have {len(key.encode()):,} bytes; S3 allows 1 to 1,024"
            )
        if any(part in (".", "..") for part in key.split("/")):
            raise Rejected(Reason.UNSAFE_NAME, f"the target key would be {key[:200]!r}")
        return key

    def _fill(self, field: _Field, source: Source, output: Output, index: int) -> str:
        path = self.selection.path(source.key)
        folder, slash, base = path.rpartition("/")
        suffix = PurePosixPath(base).suffix if base.strip(".") else ""
        match field.name:
            case "date":
                if source.modified is None:
                    raise Rejected(
                        Reason.UNSUPPORTED, "the source has no Last-Modified, which {date} in the target needs"
                    )
                return source.modified.strftime(field.format)
            case "version" | "etag":
                value = source.version_id if field.name == "version" else source.etag.strip('"')
                return value or "null"
            case "name":
                return output.name.rpartition("/")[2]
            case "member":
                return output.member or output.name
            case "index":
                return str(index)
            case "dir":
                return folder + slash  # "/" for the object /a, whose target must differ from that of a
            case "stem":
                return base.removesuffix(suffix)
        return {"key": source.key, "path": path, "suffix": suffix, "bucket": source.bucket}[field.name]


def read_template(url: str, selection: Selection, *, many: bool = False) -> TargetTemplate:
    """Return the configured template.

    Raises:
        ConfigError: An unknown placeholder or date code, unbalanced braces, a key without a placeholder, or, for a transform with
            several outputs (`many`), no placeholder that distinguishes them.

    """
    bucket, key_template = split_url(url)
    pieces: list[str | _Field] = []
    for match in _PIECE.finditer(key_template):
        text = match[0]
        piece = _field(url, match[1]) if match[1] is not None else _literal(url, text)
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    template = TargetTemplate(bucket=bucket, pieces=tuple(pieces), selection=selection)
    if not template.names - {"date", "bucket", "suffix", "index"}:
        raise ConfigError(
            f"the target {url} is the same for different objects",
            hint="Use {key}, {path}, {dir}{name} or {stem}.",
        )
    if many and not template.per_output:
        raise ConfigError(
            f"the target {url} is the same for all outputs of one object",
            hint="The transform can make several outputs: use {member}, {name} or {index}.",
        )
    return template


def _literal(url: str, text: str) -> str:
    if text in ("{", "}"):
        raise ConfigError(f"the target {url} has an unbalanced {text}", hint="Write {{ or }} for a brace.")
    return {"{{": "{", "}}": "}"}.get(text, text)


def _field(url: str, inside: str) -> _Field:
    name, colon, form = inside.partition(":")
    if name not in _NAMES:
        raise ConfigError(
            f"the target {url} has an unknown placeholder {{{inside}}}", hint=f"Known: {', '.join(_NAMES)}."
        )
    if name == "date":
        codes = re.findall(r"%(.?)", form)
        if not codes or any(code not in _CODES or not code for code in codes):
            raise ConfigError(
                f"{{{inside}}} is not a date format",
                hint=f"Write {{date:%Y/%m/%d}}; the codes are {', '.join('%' + c for c in _CODES)}.",
            )
    elif colon:
        raise ConfigError(f"{{{inside}}}: only date takes a format", hint=f"Write {{{name}}}.")
    return _Field(name, form)
