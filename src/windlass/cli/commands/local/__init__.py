"""The verbs of `windlass local`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="The embedded AWS for development and tests: start it, populate it, read its status.",
    verbs=("up", "populate", "status"),
)
