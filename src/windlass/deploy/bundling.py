"""A function's zip, or the layer of its extras, from the running environment or from wheels."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from windlass.core.errors import ConfigError, NotFound, UsageError
from windlass.deploy.bundle import RUNTIME, Bundle, Entry, Extra, Target, this_target
from windlass.deploy.bundle_config import Payload
from windlass.deploy.bundle_installed import closure, files_of, fits
from windlass.deploy.bundle_modules import Reach, reach
from windlass.deploy.bundle_wheels import fetch
from windlass.deploy.user_code import project_folders, user_entries
from windlass.deploy.zip_bytecode import bytecode, interpreter
from windlass.deploy.zip_write import by_path, zip_bytes

__all__ = ["Built", "build", "build_layer", "distributions_of", "reach_of"]

SERVICES = ("cloudfront", "dynamodb", "iam", "lambda", "s3", "sns", "sqs", "storagegateway", "sts")
"""The APIs that a function may call: those that `--with boto3` keeps of botocore's models."""
_DISTRIBUTIONS = {
    "httptools": "httptools",
    "jmespath": "jmespath",
    "orjson": "orjson",
    "pydantic": "pydantic",
    "pydantic_core": "pydantic-core",
    "structlog": "structlog",
    "yaml": "pyyaml",
    "typing_extensions": "typing-extensions",
}
"""What modules come from; those of extras and of Lambda's runtime are not listed."""


@dataclass(frozen=True, slots=True)
class Built:
    """A zip and what is in it. `bytecode` is false where no interpreter of the target's version was found."""

    content: bytes
    files: int
    unpacked_bytes: int
    distributions: tuple[str, ...]
    bytecode: bool

    @property
    def sha256(self) -> str:
        """Of the zip, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def build(
    bundle: Bundle,
    target: Target,
    *,
    extras: Sequence[Extra] = (),
    payload: Payload | None = None,
    added: Sequence[Path] = (),
    compiled: bool = True,
) -> Built:
    """The function's zip. `payload` is what its windlass.toml comes to, `added` are more modules and packages of the user's.

    ConfigError when the user's code can't be found or imports what the zip leaves out.
    """
    found = reach_of(bundle)
    names = distributions_of(bundle, target, extras)
    entries = [_own(module) for module in found.modules] + _third_party(names, target)
    if payload is not None:
        tops = {path.name.removesuffix(".py") for path in added}
        entries += user_entries(payload.references, project_folders(), distributions=names, added=tops)
        entries.append(Entry("windlass.toml", payload.config.encode()))
    entries += [one for path in added for one in _added(path)]
    return _finished(entries, names, target, compiled=compiled)


def build_layer(target: Target, extras: Sequence[Extra], *, compiled: bool = True) -> Built:
    """A layer of the extras alone, below `python/` as Lambda wants it. UsageError without any."""
    if not extras:
        raise UsageError("a layer of nothing", hint="Name what it holds: --with parquet.")
    names = _closure([name for one in extras for name in one.distributions], target, extras)
    entries = _third_party(names, target)
    return _finished(entries, names, target, compiled=compiled, prefix="python/", place="/opt/")


def reach_of(bundle: Bundle) -> Reach:
    """The modules of Windlass that the function needs, and what else they import."""
    return reach(bundle.module, _source, left_out=bundle.left_out)


def distributions_of(bundle: Bundle, target: Target, extras: Sequence[Extra] = ()) -> tuple[str, ...]:
    """The distributions in its zip."""
    found = reach_of(bundle)
    roots = [_DISTRIBUTIONS[name] for name in (*found.external, *found.later) if name in _DISTRIBUTIONS]
    return _closure([*roots, *(name for one in extras for name in one.distributions)], target, extras)


def _closure(roots: Sequence[str], target: Target, extras: Sequence[Extra]) -> tuple[str, ...]:
    without = () if any(one.name == "boto3" for one in extras) else RUNTIME
    return closure(roots, target, without=without)


def _third_party(names: Sequence[str], target: Target) -> list[Entry]:
    """What fits is copied from here when the target is this very platform; the rest is fetched."""
    here = [name for name in names if target == this_target() and fits(name, target)]
    entries = [one for name in here for one in files_of(name, services=SERVICES)]
    return entries + fetch([name for name in names if name not in here], target, services=SERVICES)


def _finished(
    entries: Sequence[Entry],
    names: tuple[str, ...],
    target: Target,
    *,
    compiled: bool,
    prefix: str = "",
    place: str = "",
) -> Built:
    ours = list(by_path(entries).values())
    is_compiled = compiled and bool(interpreter(target.python))
    if is_compiled:
        where = f"{place}{prefix}".rstrip("/")
        ours += bytecode(ours, target.python, place=where) if where else bytecode(ours, target.python)
    whole = [Entry(f"{prefix}{one.path}", one.content, one.executable) for one in ours]
    size = sum(len(one.content) for one in whole)
    return Built(zip_bytes(whole), len(whole), size, names, is_compiled)


def _source(module: str) -> tuple[str, bool] | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None  # its parent is a module: the name is something inside it
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).read_text("utf-8"), spec.submodule_search_locations is not None


def _own(module: str) -> Entry:
    read = _source(module)
    if read is None:
        raise NotFound(f"{module} is not installed", hint="Install Windlass again.")
    path = module.replace(".", "/")
    return Entry(f"{path}/__init__.py" if read[1] else f"{path}.py", read[0].encode())


def _added(path: Path) -> list[Entry]:
    if path.is_file():
        return [Entry(path.name, path.read_bytes())]
    if not path.is_dir():
        raise ConfigError(f"{path} is neither a file nor a folder", hint="--add takes a module, or a package's folder.")
    files = [one for one in sorted(path.rglob("*")) if one.is_file() and "__pycache__" not in one.parts]
    return [Entry(f"{path.name}/{one.relative_to(path).as_posix()}", one.read_bytes()) for one in files]
