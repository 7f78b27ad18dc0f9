"""The windlass.toml that goes into a zip: checked as the function will read it, and which extras it needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from windlass.core.errors import ConfigError
from windlass.deploy.bundle import EXTRAS, Bundle, Extra
from windlass.pipelines.build import build_all
from windlass.settings import Settings, load

__all__ = ["read_config"]


def read_config(path: Path, bundle: Bundle, extras: Sequence[Extra]) -> str:
    """The file's text. ConfigError when the function could not start with it, or when it needs an extra that is not named."""
    settings = load(config=str(path), environ={}, cwd=Path.cwd()).settings
    needed = _pipeline(settings) if bundle.section == "pipeline" else _aggregate(settings)
    given = {module for one in extras for module in one.modules}
    for step, module in needed:
        extra = next((one.name for one in EXTRAS if module in one.modules), "")
        if extra and module not in given:  # what is in no extra (PyYAML) is in the base zip
            raise ConfigError(
                f"{path.name}: step {step} needs {module}, which the base zip leaves out",
                hint=f"--with {extra} puts it in; as a layer of its own it is built by --layer, and named here by --layered.",
            )
    return path.read_text("utf-8")


def _pipeline(settings: Settings) -> list[tuple[str, str]]:
    if not settings.pipeline:
        raise ConfigError("it has no [[pipeline]] entry", hint="docs/guide/pipelines.md shows one.")
    return [
        (bound.step.name, module)
        for one in build_all(settings.pipeline)
        for bound in one.transform.steps
        for module in bound.step.requires
    ]


def _aggregate(settings: Settings) -> list[tuple[str, str]]:
    kept = next((one.name for one in settings.aggregate if not one.table), "")
    if kept or not settings.aggregate:
        what = f"rule {kept} keeps its keys in the store" if kept else "it has no [[aggregate]] entry"
        raise ConfigError(f"{what}: a Lambda function has none", hint="Give each rule `table` and `timers`.")
    return []
