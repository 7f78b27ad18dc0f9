"""The verbs of `windlass check`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Find what is wrong with the estate, since when, and after which change.",
    verbs=("run", "list", "show", "mute"),
)
