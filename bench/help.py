"""How long `windlass --help` takes; the goal is 150 ms."""

import statistics
import subprocess
import sys
import time

from bench.report import report


def main():
    times = []
    for _ in range(15):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "windlass", "--help"], capture_output=True, check=True)
        times.append((time.perf_counter() - started) * 1000)
    report(
        "help",
        [
            ("what", "median ms", "worst ms", "goal"),
            ("windlass --help", f"{statistics.median(times):.0f}", f"{max(times):.0f}", "150"),
        ],
    )


if __name__ == "__main__":
    main()
