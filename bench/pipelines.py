"""Pipelines: small objects a second beside a plain boto3 handler, and MB/s of large ones beside the codec alone.

The server is the embedded AWS in a separate process; the boto3 handler is the published design: download to a file, convert,
upload, one object per event, as many threads as Windlass has. Both read YAML of 1 to 10 KiB and write JSON.
"""

import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import yaml
from botocore.config import Config

from bench.report import report

ACCOUNT, REGION = "111111111111", "us-east-1"
OBJECTS = int(os.environ.get("BENCH_OBJECTS", "1000"))
LARGE_MIB = int(os.environ.get("BENCH_MIB", "256"))
THREADS = 16


def client(url):
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": REGION}
    return boto3.client("s3", endpoint_url=url, config=Config(max_pool_connections=THREADS * 2), **keys)


def documents(count):
    dice = random.Random(3)
    for number in range(count):
        rows = [
            {"name": f"n{dice.randrange(10**6)}", "tons": dice.randrange(900), "ok": True}
            for _ in range(dice.randrange(20, 180))
        ]
        yield f"in/o{number:06}.yaml", yaml.safe_dump({"id": number, "rows": rows}).encode()


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(work):
    cpu_s, began = cpu(), time.perf_counter()
    work()
    return time.perf_counter() - began, cpu() - cpu_s


def plain_boto3(s3, keys, folder):
    """The published handler, one call per event."""

    def handle(key):
        path = folder / key.replace("/", "_")
        s3.download_file("raw", key, str(path))
        path.write_text(json.dumps(yaml.safe_load(path.read_text())))
        s3.upload_file(str(path), "plain", key + ".json")
        path.unlink()

    def run():
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(handle, keys))

    return timed(run)


def windlass(url, keys, **more):
    from windlass.estate.config import AccountConfig, EstateConfig
    from windlass.estate.service import open_estate
    from windlass.pipelines.config import PipelineConfig
    from windlass.pipelines.service import Pipelines

    options = {
        "name": "bench",
        "source": "s3://raw/",
        "transform": "yaml-to-json",
        "target": "s3://uniform/{key}.json",
        "concurrency": THREADS,
    }
    config = PipelineConfig.model_validate(options | more)
    with open_estate(EstateConfig(endpoint_url=url, accounts=[AccountConfig(id=ACCOUNT)]), {}) as estate:
        pipelines = Pipelines([config], estate=lambda: estate, queues=lambda: None, store=None)
        with pipelines.runner() as runner, ThreadPoolExecutor(THREADS) as pool:
            return timed(lambda: list(pool.map(lambda key: runner.run("bench", "raw", key), keys)))


def main():
    command = [sys.executable, "-m", "windlass", "local", "up", "--port", "0", "--no-populate", "--with-parent"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        url = server.stdout.readline().strip()
        s3 = client(url)
        for bucket in ("raw", "uniform", "plain", "large"):
            s3.create_bucket(Bucket=bucket)
        keys = []
        for key, body in documents(OBJECTS):
            s3.put_object(Bucket="raw", Key=key, Body=body)
            keys.append(key)
        rows = [("what", "objects/s", "CPU ms per object (client)", "ratio of CPU")]
        with tempfile.TemporaryDirectory() as folder:
            base_s, base_cpu = plain_boto3(s3, keys, Path(folder))
        ours_s, ours_cpu = windlass(url, keys)
        copy_s, copy_cpu = windlass(url, keys, transform="copy", target="s3://uniform/copies/{key}")
        for name, took, used in (
            ("boto3: download to a file, PyYAML, upload", base_s, base_cpu),
            ("windlass pipeline yaml-to-json", ours_s, ours_cpu),
            ("windlass pipeline copy", copy_s, copy_cpu),
        ):
            rows.append((name, round(OBJECTS / took), round(used / OBJECTS * 1000, 2), round(base_cpu / used, 1)))
        report("pipelines", rows, objects=OBJECTS)
        report("pipelines_local", large(url, s3), mib=LARGE_MIB)
        server.stdin.close()
        server.wait(20)


def large(url, s3):
    """One large object through codecs, beside the codec alone over memory."""
    dice = random.Random(5)
    block = b"".join(b"%d,name %d,%d.25\n" % (at, dice.randrange(10**6), dice.randrange(1000)) for at in range(40_000))
    body = (block * (LARGE_MIB * 2**20 // len(block) + 1))[: LARGE_MIB * 2**20]
    body = body[: body.rfind(b"\n") + 1]
    s3.put_object(Bucket="raw", Key="big.csv", Body=body)
    rows = [("what", "MB/s", "peak RSS MiB")]

    def one(name, work):
        began = time.perf_counter()
        work()
        rows.append((name, round(len(body) / 1e6 / (time.perf_counter() - began)), ""))

    one("gzip level 6 of memory, alone", lambda: gzip.compress(body, 6))
    for step in ("copy", "gzip", "zstd", "csv-to-parquet"):
        rows.append((f"windlass pipeline {step}", *child(url, step, len(body))))
    return rows


def child(url, step, size):
    """Run it in a separate process, to measure its peak memory."""
    code = (
        "from windlass.pipelines.allocator import return_freed_memory; return_freed_memory(); "  # as workers do
        "from bench.pipelines import windlass; "
        f"took, _ = windlass({url!r}, ['big.csv'], transform={step!r}, target='s3://large/{step}/{{key}}'); "
        # Not ru_maxrss: it begins with what the parent had when it forked.
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]; "
        "print(took, int(peak) / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    if len(done.stdout.splitlines()) != 1:
        raise RuntimeError(done.stdout)
    took, rss = map(float, done.stdout.split())
    return round(size / 1e6 / took), round(rss)


if __name__ == "__main__":
    main()
