"""The verbs of `windlass osquery secret`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(package=__name__, help="Create, list and revoke enrollment secrets.", verbs=("create", "list", "revoke"))
