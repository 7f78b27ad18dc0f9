"""The commands of `windlass-local`, one module each: `NAME`, `add_options(parser)`, `run(options)`; the docstring is the help."""

from __future__ import annotations

from types import ModuleType

from windlass_local.commands import old_clients, populate, scenario, simulate_changes, up

__all__ = ["COMMANDS"]

COMMANDS: tuple[ModuleType, ...] = (up, populate, simulate_changes, scenario, old_clients)
