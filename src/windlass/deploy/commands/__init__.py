"""The verbs of `windlass deploy`, `windlass build` and `windlass policy`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Run pipelines and aggregators of windlass.toml in AWS Lambda.",
    verbs=("create", "delete", "status"),
)
