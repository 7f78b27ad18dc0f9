"""The verbs of `windlass jobs`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="List, follow, cancel and resume long-running jobs of any kind.",
    verbs=("list", "leases", "show", "log", "cancel", "resume"),
)
