"""The verbs of `windlass queue dlq`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="List, read, redrive and purge dead-letter queues.",
    verbs=("list", "show", "redrive", "purge"),
)
