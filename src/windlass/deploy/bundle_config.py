"""What goes into a zip beside Windlass itself: the function's windlass.toml, and the user's own modules that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from windlass.core.errors import ConfigError
from windlass.deploy.bundle import EXTRAS, Bundle, Extra
from windlass.deploy.function_config import function_config
from windlass.pipelines.build import build_all
from windlass.settings import Settings, load

__all__ = ["Payload", "payload_of", "read_payload"]


@dataclass(frozen=True, slots=True)
class Payload:
    """A function's configuration as text, and `package.module:function` of everything of the user's that it calls."""

    config: str
    references: tuple[str, ...] = ()


def read_payload(path: Path, bundle: Bundle, extras: Sequence[Extra]) -> Payload:
    """The payload of a windlass.toml, with all its entries of the function's kind; ConfigError as `payload_of`."""
    settings = load(config=str(path), environ={}, cwd=Path.cwd()).settings
    return payload_of(settings, bundle, extras, where=path.name)


def payload_of(
    settings: Settings,
    bundle: Bundle,
    extras: Sequence[Extra],
    *,
    where: str,
    account_id: str = "",
    region: str = "",
) -> Payload:
    """What the function needs of these settings; `where` names them in errors.

    Raises:
        ConfigError: The function could not start with them, or a step needs an extra that is not named.

    """
    needed = _pipeline(settings) if bundle.section == "pipeline" else _aggregate(settings)
    given = {module for one in extras for module in one.modules}
    for step, module in needed:
        extra = next((one.name for one in EXTRAS if module in one.modules), "")
        if extra and module not in given:  # what is in no extra (PyYAML) is in the base zip
            raise ConfigError(
                f"{where}: step {step} needs {module}, which the base zip leaves out",
                hint=f"--with {extra} puts it in; as a layer of its own it is built by --layer, and named here by --layered.",
            )
    entries = settings.pipeline if bundle.section == "pipeline" else settings.aggregate
    config = function_config(settings, bundle.section, entries, account_id=account_id, region=region)
    return Payload(config, _references(settings, bundle))


def _references(settings: Settings, bundle: Bundle) -> tuple[str, ...]:
    if bundle.section == "pipeline":
        steps = (bound.step.name for one in build_all(settings.pipeline) for bound in one.transform.steps)
        return tuple(dict.fromkeys(name for name in steps if ":" in name))
    actions = (getattr(rule.action, "function", "") for rule in settings.aggregate if rule.action.kind == "python")
    return tuple(dict.fromkeys(actions))


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
