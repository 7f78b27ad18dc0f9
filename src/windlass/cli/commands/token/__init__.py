"""The verbs of `windlass token`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__, help="Create, list and revoke tokens of the console and API.", verbs=("create", "list", "revoke")
)
