"""The verbs of `windlass replicate`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Copy existing objects to the replicas of buckets, for one pair or two hundred, and verify them.",
    verbs=(
        "plan",
        "preflight",
        "seed",
        "worker",
        "status",
        "watch",
        "resume",
        "cancel",
        "template",
        "sets",
        "report",
        "verify",
    ),
)
