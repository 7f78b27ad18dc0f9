"""The verbs of `windlass build`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(package=__name__, help="Build what is deployed.", verbs=("lambda",))
