"""windlass.toml and everything that may override it: one typed section per capability, each value with its origin.

Sources, the first that has a value wins: command line, environment (`WINDLASS_<SECTION>_<KEY>`), the file, the
default. Frozen after start. Unknown keys are errors, with the nearest known one named.
"""

from windlass.settings.load import Loaded, find_file, load
from windlass.settings.model import ConsoleConfig, LocalConfig, Settings

__all__ = ["ConsoleConfig", "Loaded", "LocalConfig", "Settings", "find_file", "load"]
