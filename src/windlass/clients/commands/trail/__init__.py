"""The verbs of `windlass clients trail`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Create, inspect and delete the CloudTrail trail that records S3 data events.",
    verbs=("enable", "status", "disable", "verify"),
)
