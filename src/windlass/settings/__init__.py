"""windlass.toml and everything that may override it: one typed section per capability, each value with its origin.

Sources, the first that has a value wins: command line, environment (`WINDLASS_<SECTION>_<KEY>`), the file, the
default. Frozen after start. Unknown keys are errors, with the nearest known one named.
"""

from typing import TYPE_CHECKING, Any

from windlass.settings.load import Loaded, find_file, load

if TYPE_CHECKING:
    from windlass.settings.console import ConsoleConfig
    from windlass.settings.model import LocalConfig, Settings

__all__ = ["ConsoleConfig", "Loaded", "LocalConfig", "Settings", "find_file", "load"]


def __getattr__(name: str) -> Any:
    """The sections' models when they are asked for: a function in Lambda reads two of them."""
    if name in __all__:
        from windlass.settings import model

        return getattr(model, name)
    raise AttributeError(name)
