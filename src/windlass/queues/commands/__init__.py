"""The verbs of `windlass queue`, and `windlass consume`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="List, read, fill and drain SQS queues, and redrive their dead letters.",
    verbs=("list", "stats", "peek", "send", "watch", "drain", "dlq"),
)
