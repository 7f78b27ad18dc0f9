"""The verbs of `windlass inventory import`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Import history from before the first collection: AWS Config's files, and CloudTrail's.",
    verbs=("config", "cloudtrail"),
)
