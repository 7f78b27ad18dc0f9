"""The verbs of `windlass config`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(package=__name__, help="Show, write and check windlass.toml.", verbs=("show", "init", "validate"))
