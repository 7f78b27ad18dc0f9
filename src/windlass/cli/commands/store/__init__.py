"""The verbs of `windlass store`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(package=__name__, help="Prepare the database for people who read it.", verbs=("reader",))
