"""The verbs of `windlass watch`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Tell somebody when a resource changes, a check fails, a scope is not read, or a job fails.",
    verbs=("list", "test", "deliveries", "run", "retry"),
)
