"""The code of a function: a zip from a file, or one that is built once for the same inputs and cached."""

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
from windlass.deploy.bundle import Platform, bundle_of, extra_of, this_platform
from windlass.deploy.function_config import FunctionConfig
from windlass.deploy.function_zip import build_function
from windlass.deploy.stack import FunctionCode, StackKind
from windlass.deploy.user_modules import project_folders, user_entries

__all__ = ["build_code", "code_of", "default_platform"]

_MAX_ZIP_BYTES = 50 * 1024 * 1024
_CACHED_ZIPS = 8


def code_of(content: bytes) -> FunctionCode:
    """Return a zip as code. UsageError when Lambda would reject it."""
    if not content.startswith(b"PK"):
        raise UsageError("the code is not a zip file", hint="Build one with `windlass build lambda`.")
    if len(content) > _MAX_ZIP_BYTES:
        raise UsageError(
            f"the zip has {len(content):,} bytes; Lambda accepts at most {_MAX_ZIP_BYTES:,} in an upload",
            hint="Leave out extras, or move them into a layer.",
        )
    return FunctionCode(content, base64.b64encode(hashlib.sha256(content).digest()).decode())


def build_code(
    kind: StackKind,
    config: FunctionConfig,
    platform: Platform,
    extras: Sequence[str] = (),
    *,
    added: Sequence[Path] = (),
) -> FunctionCode:
    """Return the code of a pipeline's or aggregator's function, from the user's cache when it was built before."""
    cached = _cache() / f"{_key(kind, config, platform, extras, added)}.zip"
    if cached.is_file():
        return code_of(cached.read_bytes())
    chosen = [extra_of(name) for name in extras]
    code = code_of(build_function(bundle_of(kind.value), platform, extras=chosen, config=config, added=added).content)
    _store(cached, code.content)
    return code


def default_platform() -> Platform:
    """Return this machine's platform if Lambda has it; else arm64 and Python 3.12."""
    return this_platform() or Platform("arm64", "3.12")


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "windlass" / "functions"


def _store(path: Path, content: bytes) -> None:
    """Cache a zip for the next run, readable only by its owner. A cache that cannot be written is not an error."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
        zips = sorted(path.parent.glob("*.zip"), key=lambda file: file.stat().st_mtime)
        for old in zips[:-_CACHED_ZIPS]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def _key(
    kind: StackKind, config: FunctionConfig, platform: Platform, extras: Sequence[str], added: Sequence[Path]
) -> str:
    """Return a digest of everything that determines the zip's bytes, without building it."""
    digest = hashlib.sha256()
    for text in _inputs(kind, config, platform, extras, added):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def _inputs(
    kind: StackKind, config: FunctionConfig, platform: Platform, extras: Sequence[str], added: Sequence[Path]
) -> Iterator[str]:
    yield from (kind.value, repr(platform), repr(sorted(extras)), sys.version, config.text)
    yield from sorted(f"{item.metadata['Name']} {item.version}" for item in distributions())
    for path in (Path(windlass.__file__).parent, *added):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                stat = file.stat()
                yield f"{file} {stat.st_size} {stat.st_mtime_ns}"
    tops = {path.name.removesuffix(".py") for path in added}
    installed = {item.metadata["Name"] for item in distributions()}  # the build itself reports missing distributions
    for entry in user_entries(config.references, project_folders(), distributions=installed, added=tops):
        yield f"{entry.path} {hashlib.sha256(entry.content).hexdigest()}"
