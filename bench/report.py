"""What every bench says about itself: the machine, the versions, the table, the JSON."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine():
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    versions = {name: version(name) for name in ("boto3", "botocore", "moto", "sqlalchemy", "uvicorn")}
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        **versions,
    }


def report(name, rows, **facts):
    about = machine()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    widths = [max(len(str(row[at])) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    folder = Path("var/bench")
    folder.mkdir(parents=True, exist_ok=True)
    body = {"machine": about, "rows": rows, **facts}
    (folder / f"{name}.json").write_text(json.dumps(body, indent=2, default=str) + "\n")


def rss_mib(pid="self"):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
