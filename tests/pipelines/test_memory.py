"""Constant memory: large inputs through each streaming step, in a separate process whose peak is measured."""

import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest

PROBE = """
import random, sys, zlib
from windlass.pipelines.chain import read_transform
from windlass.pipelines.model import Rejected, Source

BLOCK = 256 << 10

def noise(size):
    rng = random.Random(1)
    for _ in range(size // BLOCK):
        yield rng.randbytes(BLOCK)

def csv(size):
    yield b"id,name,amount,at\\n"
    made = number = 0
    while made < size:
        rows = b"".join(
            b'%d,"name, %d",%d.25,2026-11-21T10:%02d:%02dZ\\n' % (n, n, n % 1000, n // 60 % 60, n % 60)
            for n in range(number, number + 5000)
        )
        number += 5000
        made += len(rows)
        yield rows

def one_line(size):
    for _ in range(size // BLOCK):
        yield b"x" * BLOCK

def gzipped(size):
    encoder = zlib.compressobj(1, zlib.DEFLATED, 31)
    for chunk in noise(size):
        yield encoder.compress(chunk)
    yield encoder.flush()

inputs = {"noise": noise, "csv": csv, "one_line": one_line, "gzipped": gzipped}
_, kind, megabytes, *steps = sys.argv
steps = [eval(step) for step in steps]
made = 0
try:
    for output in read_transform(steps).run(Source(chunks=inputs[kind](int(megabytes) << 20), name="x")):
        for chunk in output.chunks:
            made += len(chunk)
    print("made", made)
except Rejected as rejected:
    print("rejected", rejected.reason, rejected)
# Not getrusage: its peak is also that of the process this one was forked from.
print(next(int(line.split()[1]) >> 10 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def probe(kind, megabytes, *steps):
    """Return (output, peak MiB) of the process."""
    command = [sys.executable, "-c", textwrap.dedent(PROBE), kind, str(megabytes), *(repr(step) for step in steps)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    return out[0], int(out[1])


def needs(module):
    return pytest.mark.skipif(find_spec(module) is None, reason=f"{module} is not installed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "megabytes", "steps"),
    [
        ("noise", 2048, ["copy"]),
        ("noise", 512, [{"step": "gzip", "level": 1}]),
        ("noise", 512, [{"step": "gzip", "level": 1}, "gunzip", "checksum"]),
        ("gzipped", 512, ["gunzip"]),
        ("noise", 64, ["bzip2", "bunzip2"]),
        ("noise", 48, [{"step": "xz", "level": 3}, "unxz"]),
        pytest.param("noise", 1024, ["zstd", "unzstd"], marks=needs("zstandard")),
        pytest.param("csv", 1024, ["csv-to-parquet"], marks=needs("pyarrow")),
        pytest.param("csv", 256, ["csv-to-parquet", "parquet-to-jsonl"], marks=needs("pyarrow")),
        pytest.param("csv", 256, ["csv-to-jsonl", "jsonl-to-parquet"], marks=needs("pyarrow")),
        pytest.param("csv", 256, ["csv-to-parquet", "parquet-to-csv"], marks=needs("pyarrow")),
        pytest.param(
            "csv",
            512,
            [{"step": "sql", "query": "SELECT count(*), sum(amount) FROM input", "memory_bytes": "128MiB"}],
            marks=needs("duckdb"),
        ),
        ("csv", 256, ["csv-to-jsonl", "jsonl-to-csv"]),
        ("csv", 256, [{"step": "redact", "known": ["email"]}, {"step": "line-filter", "drop": ["^7"]}]),
    ],
    ids=lambda value: (
        "-".join(step if isinstance(step, str) else step["step"] for step in value) if isinstance(value, list) else None
    ),
)
def test_large_objects_are_transformed_in_constant_memory(kind, megabytes, steps):
    output, peak_mib = probe(kind, megabytes, *steps)
    assert output.startswith("made")
    assert peak_mib <= 256, output


@pytest.mark.slow
@pytest.mark.parametrize(
    "step",
    ["csv-to-jsonl", "jsonl-to-csv", "csv-to-parquet", "jsonl-to-parquet", "yaml-to-json", "line-filter", "untar"],
)
def test_ten_gigabytes_in_one_line_are_rejected_early(step):
    output, peak_mib = probe("one_line", 10 << 10, step)
    assert output.startswith("rejected")
    assert peak_mib <= 256
