"""The verbs of `windlass inventory`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Know what exists, who owns it, what changed, and when.",
    verbs=(
        "collect",
        "worker",
        "feed",
        "import",
        "list",
        "show",
        "history",
        "changes",
        "diff",
        "search",
        "graph",
        "dependents",
        "sql",
        "stats",
        "runs",
        "coverage",
        "types",
        "owners",
        "ip",
        "export",
        "prune",
    ),
)
