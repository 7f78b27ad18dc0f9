"""The verbs of `windlass pipeline`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Transform S3 objects as they arrive, exactly once.",
    verbs=("list", "status", "transforms", "run", "test", "backfill", "retry"),
)
