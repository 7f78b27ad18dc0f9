"""CPU seconds of `--help` for every command, each in a separate process: user and system time, the best of three.

Run: python -m bench.cli_help [--times N]. The claim: every help costs at most 0.2 s of CPU. The
table also shows each figure in units of `windlass --help`, which compare machines; a loaded machine adds a fifth to both.
"""

import argparse
import os
import subprocess
import sys

from bench.report import report
from windlass.cli.reference import walk

LIMIT_S = 0.2


def cpu_s(words, times):
    """The least CPU time that a run of `windlass WORDS --help` took: a busy machine adds, it never subtracts."""
    command = [sys.executable, "-m", "windlass", *words, "--help"]
    best = float("inf")
    for _ in range(times):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"COLUMNS": "100"}) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        best = min(best, usage.ru_utime + usage.ru_stime)
    return best


def main():
    """Print the table of every command, the most expensive first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3)
    times = parser.parse_known_args()[0].times
    root = cpu_s([], times)
    figures = {"": root} | {name: cpu_s(name.split(), times) for name, _ in walk()}
    rows = [("command", "CPU s", "x windlass --help", "within the claim")]
    for name, seconds in sorted(figures.items(), key=lambda item: -item[1]):
        within = "yes" if seconds <= LIMIT_S else "no"
        rows.append((f"windlass {name} --help".replace("  ", " "), f"{seconds:.3f}", f"{seconds / root:.2f}", within))
    report("cli_help", rows)


if __name__ == "__main__":
    main()
