"""The verbs of `windlass osquery`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Read facts of hosts by their osquery agents, and ask them live.",
    verbs=("nodes", "query", "revoke", "restore", "secret", "flags", "config", "pack"),
)
