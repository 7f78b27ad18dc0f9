"""The verbs of `windlass clients`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Find clients that call S3 in an outdated way, and who owns them.",
    verbs=("scan", "report", "agents", "scans", "table", "trail"),
)
