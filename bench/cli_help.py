"""CPU seconds of `--help` for every command, each in a process of its own: user and system time, the best of three.

Run: python -m bench.cli_help [--times N]. The claim: every help costs at most 0.2 s of CPU where `windlass --help` costs
0.18 s; so the table also shows each figure in units of `windlass --help`, which hold on any machine.
"""

import argparse
import json
import os
import subprocess
import sys

from windlass.cli.reference import walk

LIMIT = 0.20 / 0.18  # the claim, in units of `windlass --help`


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
    """Print the table, and the same as JSON on the last line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3)
    times = parser.parse_args().times
    root = cpu_s([], times)
    figures = {"": root} | {name: cpu_s(name.split(), times) for name, _ in walk()}
    print(f"{'command':36} {'CPU s':>7} {'x --help':>9}")
    for name, seconds in sorted(figures.items(), key=lambda item: -item[1]):
        print(f"windlass {name:27} {seconds:7.3f} {seconds / root:9.2f}{'  over' if seconds / root > LIMIT else ''}")
    worst = max(figures.values())
    print(json.dumps({"root_s": round(root, 3), "worst_s": round(worst, 3), "commands": len(figures)}))


if __name__ == "__main__":
    main()
