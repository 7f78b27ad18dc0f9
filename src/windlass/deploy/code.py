"""A function's code: a zip that was built before, or one built now, once for the same input."""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path

import windlass
from windlass.core.errors import UsageError
from windlass.deploy.bundle import Target, bundle_of, extra_of, this_target
from windlass.deploy.bundle_config import Payload
from windlass.deploy.bundling import build
from windlass.deploy.stacks import Code, Kind
from windlass.deploy.user_code import project_folders, user_entries

__all__ = ["built_code", "code_of", "default_target"]

_MOST_ZIP_BYTES = 50 * 1024 * 1024
_KEPT_ZIPS = 8


def code_of(content: bytes) -> Code:
    """A zip's bytes as code. UsageError when Lambda would not take it."""
    if not content.startswith(b"PK"):
        raise UsageError("the code is not a zip", hint="`windlass build lambda` makes one.")
    if len(content) > _MOST_ZIP_BYTES:
        raise UsageError(
            f"the zip has {len(content):,} bytes, and Lambda takes {_MOST_ZIP_BYTES:,} directly",
            hint="Leave out extras, or move them into a layer.",
        )
    return Code(content, base64.b64encode(hashlib.sha256(content).digest()).decode())


def built_code(
    kind: Kind, payload: Payload, target: Target, extras: Sequence[str] = (), *, added: Sequence[Path] = ()
) -> Code:
    """The zip of the pipeline's or aggregator's function. The same input gives the same bytes, kept in the user's cache."""
    kept = _cache() / f"{_key(kind, payload, target, extras, added)}.zip"
    if kept.is_file():
        return code_of(kept.read_bytes())
    chosen = [extra_of(one) for one in extras]
    code = code_of(build(bundle_of(kind.value), target, extras=chosen, payload=payload, added=added).content)
    _keep(kept, code.content)
    return code


def default_target() -> Target:
    """What this machine and interpreter are, where Lambda has such; else arm64 and Python 3.12."""
    return this_target() or Target("arm64", "3.12")


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "windlass" / "functions"


def _keep(path: Path, content: bytes) -> None:
    """Keep a zip for the next run, readable by its owner alone; a cache that can't be written is no error."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
        kept = sorted(path.parent.glob("*.zip"), key=lambda one: one.stat().st_mtime)
        for old in kept[:-_KEPT_ZIPS]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def _key(kind: Kind, payload: Payload, target: Target, extras: Sequence[str], added: Sequence[Path]) -> str:
    """A digest of everything that the zip's bytes follow from, found without building it."""
    digest = hashlib.sha256()
    for text in _inputs(kind, payload, target, extras, added):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def _inputs(
    kind: Kind, payload: Payload, target: Target, extras: Sequence[str], added: Sequence[Path]
) -> Iterator[str]:
    yield from (kind.value, repr(target), repr(sorted(extras)), sys.version, payload.config)
    yield from sorted(f"{one.metadata['Name']} {one.version}" for one in distributions())
    for path in (Path(windlass.__file__).parent, *added):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                stat = file.stat()
                yield f"{file} {stat.st_size} {stat.st_mtime_ns}"
    tops = {path.name.removesuffix(".py") for path in added}
    installed = {one.metadata["Name"] for one in distributions()}  # the build itself says what the zip leaves out
    for entry in user_entries(payload.references, project_folders(), distributions=installed, added=tops):
        yield f"{entry.path} {hashlib.sha256(entry.content).hexdigest()}"
