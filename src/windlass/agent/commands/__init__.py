"""The verbs of `windlass agent`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__, help="Read facts of hosts that have neither osquery nor Systems Manager.", verbs=("build",)
)
