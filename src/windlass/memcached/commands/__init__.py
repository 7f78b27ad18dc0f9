"""The verbs of `windlass memcached`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="List, plan and scale ElastiCache Memcached clusters, past 20 nodes.",
    verbs=("list", "show", "create", "scale", "delete", "nodes"),
)
