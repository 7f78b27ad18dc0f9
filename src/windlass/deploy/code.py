"""A function's code: a zip that was built before, or one built now from the windlass.toml in use."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from windlass.core.errors import ConfigError, UsageError
from windlass.deploy.bundle import Target, bundle_of, extra_of, this_target
from windlass.deploy.bundle_config import read_config
from windlass.deploy.bundling import build
from windlass.deploy.stacks import Code, Kind

__all__ = ["built_code", "code_of", "default_target"]

_MOST_ZIP_BYTES = 50 * 1024 * 1024


def code_of(content: bytes) -> Code:
    """A zip's bytes as code. UsageError when Lambda would not take it."""
    if not content.startswith(b"PK"):
        raise UsageError("the code is not a zip", hint="`windlass build lambda` makes one.")
    if len(content) > _MOST_ZIP_BYTES:
        raise UsageError(f"the zip has {len(content):,} bytes, and Lambda takes {_MOST_ZIP_BYTES:,} directly",
                         hint="Leave out extras, or move them into a layer.")  # fmt: skip
    return Code(content, base64.b64encode(hashlib.sha256(content).digest()).decode())


def built_code(kind: Kind, config: Path | None, target: Target, extras: Sequence[str] = ()) -> Code:
    """The zip of the pipeline's or aggregator's function with this windlass.toml in it; the same input gives the same bytes."""
    if config is None:
        raise ConfigError(
            "there is no windlass.toml to put into the function", hint="Name it: windlass -c FILE deploy …"
        )
    bundle, chosen = bundle_of(kind.value), [extra_of(one) for one in extras]
    return code_of(build(bundle, target, extras=chosen, config=read_config(config, bundle, chosen)).content)


def default_target() -> Target:
    """What this machine and interpreter are, where Lambda has such; else arm64 and Python 3.12."""
    return this_target() or Target("arm64", "3.12")
