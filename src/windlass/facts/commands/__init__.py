"""The verbs of `windlass facts`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Know what runs inside hosts: packages, ports, users, services, and since when.",
    verbs=("list", "show", "changes", "packages", "missing", "collect", "import"),
)
