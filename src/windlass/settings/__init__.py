"""windlass.toml and its overrides: one typed section per capability, and the origin of each value.

The first source that has a value wins: command line, environment (`WINDLASS_<SECTION>_<KEY>`), file, default. Settings
are frozen after the start. An unknown key is an error that names the nearest known key.
"""

from typing import TYPE_CHECKING, Any

from windlass.settings.load import Loaded, find_file, load

if TYPE_CHECKING:
    from windlass.settings.console import ConsoleConfig
    from windlass.settings.model import LocalConfig, Settings

__all__ = ["ConsoleConfig", "Loaded", "LocalConfig", "Settings", "find_file", "load"]


def __getattr__(name: str) -> Any:
    """Import the sections' models when they are used: a function in Lambda uses two of them."""
    if name in __all__:
        from windlass.settings import model

        return getattr(model, name)
    raise AttributeError(name)
