"""Lambda: how large the functions' zips are, and how long a cold start's imports take from the unpacked zip.

Three numbers per function: the handler's import (the goal is 300 ms), the same with the runtime's botocore, which Lambda
loads while it starts the function, and the first without the zip's bytecode. Best of several; wall and CPU time.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.report import report
from windlass.deploy.archive import bytecode
from windlass.deploy.bundle import BUNDLES, ZipEntry, extra_of, this_platform
from windlass.deploy.distributions import installed_files
from windlass.deploy.function_zip import build_function

RUNS = 7
TIMED = (
    "import time; wall, cpu = time.perf_counter(), time.process_time(); import {module}; "
    "print((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000)"
)


def main():
    platform = this_platform()
    if platform is None:
        print("Lambda does not offer this interpreter's platform")
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        runtime = Path(folder) / "runtime"
        files = [entry for name in extra_of("boto3").distributions for entry in installed_files(name)]
        unpack(runtime, [*files, *bytecode(files, platform.python)])
        for bundle in BUNDLES:
            compiled, plain = (build_function(bundle, platform, compiled=flag) for flag in (True, False))
            with_it, without = (
                unzip(Path(folder), bundle.name, compiled),
                unzip(Path(folder), f"{bundle.name}-plain", plain),
            )
            wall, cpu = best([with_it, runtime], bundle.module)
            in_lambda, _ = best([with_it, runtime], bundle.module, AWS_LAMBDA_FUNCTION_NAME="f")
            cold, _ = best([without, runtime], bundle.module)
            rows.append(
                {
                    "function": bundle.name,
                    "zip_bytes": len(compiled.content),
                    "zip_bytes_without_bytecode": len(plain.content),
                    "files": compiled.files,
                    "import_ms": round(wall),
                    "import_cpu_ms": round(cpu),
                    "with_botocore_ms": round(in_lambda),
                    "without_bytecode_ms": round(cold),
                }
            )
    report(
        "lambda_start",
        [tuple(rows[0]), *(tuple(row.values()) for row in rows)],
        goal="import_ms under 300, zip under 10 MB",
    )


def unpack(folder, entries):
    for entry in entries:
        path = folder / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.content)


def unzip(folder, name, built):
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(built.content)) as archive:
        unpack(folder / name, [ZipEntry(name, archive.read(name)) for name in archive.namelist()])
    return folder / name


def best(folders, module, **more):
    """The least of several runs in processes that see these folders and the standard library only: wall and CPU, in ms."""
    environment = {"PYTHONPATH": os.pathsep.join(map(str, folders)), **more}
    command = [sys.executable, "-S", "-B", "-c", TIMED.format(module=module)]
    runs = []
    for _ in range(RUNS):
        output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        runs.append(tuple(float(seconds) for seconds in output.split()))
    return min(wall for wall, _ in runs), min(cpu for _, cpu in runs)


if __name__ == "__main__":
    main()
