"""Twenty minutes of the demo's load: open files, threads and memory of every process stay flat."""

import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ENV = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true", "PYTHONUNBUFFERED": "1"}
SOAK_S = float(os.environ.get("WINDLASS_SOAK_S", "1200"))
PAGES = ("/", "/inventory", "/jobs", "/queues", "/replication", "/v1/stats", "/v1/jobs", "/metrics")
GROWTH = {"files": 8, "threads": 4, "rss_mib": 48}
"""What a process may have more in the last quarter than in the second: pools that fill, and caches that do."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(SOAK_S + 900),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc"),
    pytest.mark.unproved("test_demo.py proves the demo's calls"),
]


def family(pid):
    """The process and those it started, theirs too."""
    children = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += (task / "children").read_text().split()
    return [pid, *(entry for child in children for entry in family(int(child)))]


def measured(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    number = lambda name: int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)[1])  # noqa: E731
    return {
        "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": number("Threads"),
        "rss_mib": number("VmRSS") / 1024,
    }


def looked_at(url):
    """Somebody looks at pages, and at a live one for a moment."""
    for page in PAGES:
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(url + page, timeout=60) as answer:
            answer.read()


def test_open_files_threads_and_memory_stay_flat(tmp_path):
    command = [sys.executable, "-m", "windlass", "demo", "--port", "0"]
    env = ENV | {"HOME": str(tmp_path), "WINDLASS_LOCAL_CHANGES_PER_MINUTE": "120"}
    samples = {}
    with (tmp_path / "err").open("w") as errors:
        demo = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            said = ""
            while "Ctrl-C" not in said:
                line = demo.stdout.readline()
                assert line, (tmp_path / "err").read_text()
                said += line
            url = re.search(r"console\s+(http://\S+)", said)[1]
            began, minute = time.monotonic(), 0
            while (age_s := time.monotonic() - began) < SOAK_S:
                looked_at(url)
                for pid in family(demo.pid):
                    with contextlib.suppress(OSError, TypeError):  # it ended meanwhile
                        samples.setdefault(pid, []).append((age_s, measured(pid)))
                if int(age_s / 60) != minute:
                    minute = int(age_s / 60)
                    print(f"minute {minute}:", {pid: seen[-1][1] for pid, seen in samples.items() if seen}, flush=True)
                time.sleep(SOAK_S / 400)
            runs = json.load(urllib.request.urlopen(f"{url}/v1/runs", timeout=60)) if SOAK_S >= 600 else None
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(600)  # on a busy machine the last collection takes its time
            demo.stdout.close()
    assert runs is None or len(runs) >= 4, "the demo collected all the time"
    assert demo.pid in samples
    grown = {}
    for pid, seen in samples.items():
        early = [values for age_s, values in seen if SOAK_S / 4 <= age_s < SOAK_S / 2]
        late = [values for age_s, values in seen if age_s >= SOAK_S * 3 / 4]
        if not early or not late:
            continue  # a short command, or a function that ended
        for name, most in GROWTH.items():
            before, after = (statistics.median(entry[name] for entry in part) for part in (early, late))
            print(f"{pid} {name}: {before:.0f} -> {after:.0f}")
            if after - before > most:
                grown[pid, name] = (before, after)
    assert grown == {}
