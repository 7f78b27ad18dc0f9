"""The verbs of `windlass aggregate`: one file each."""

from windlass.present.commands import Group

__all__ = ["GROUP"]

GROUP = Group(
    package=__name__,
    help="Turn many object events into one action per key and window.",
    verbs=("list", "status", "run", "init", "simulate", "trigger", "pause", "resume", "repair-timers"),
)
