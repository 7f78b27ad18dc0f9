"""The generic client beside boto3 in threads, against a compiled loopback server with 30 ms of latency.

Every row is a process of its own (bench/inventory_clients.py); its CPU seconds are the client's alone. The server is
built with Go when the bench starts; without Go the bench says so and ends.

`python -m bench.inventory [SHARE]` makes SHARE (default 1.0) of the work.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.report import report

LATENCY_MS = 30
THREADS = 64
REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ap-south-1", "ap-northeast-1", "ap-northeast-2"),
    *("ap-northeast-3", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-west-1"),
    *("eu-west-2", "eu-west-3", "eu-north-1", "sa-east-1"),
]
CALL_NAMES = ("SQS GetQueueAttributes", "S3 GetBucketTagging", "EC2 DescribeVolumes, 5 items")


def build(folder):
    """Return the compiled server's path; None without Go."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        return None
    target = Path(folder) / "inventory_server"
    source = Path(__file__).parent / "inventory_server"
    environ = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off"}  # it needs the standard library alone
    subprocess.run([go, "build", "-o", str(target), "."], cwd=source, env=environ, check=True)
    return target


@contextlib.contextmanager
def serve(binary, *, buckets=0, volumes=0):
    command = [str(binary), str(buckets), str(volumes), str(LATENCY_MS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.stdin.close()
            server.wait(20)


def run(**options):
    command = [sys.executable, "-m", "bench.inventory_clients", json.dumps({"threads": THREADS, **options})]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)


def row(title, client, outcome):
    made, cpu_s, wall_s = outcome["calls"], outcome["cpu_s"], outcome["wall_s"]
    return (
        title,
        client,
        made,
        f"{cpu_s / made * 1e6:.0f}",
        f"{made / cpu_s:.0f}",
        f"{wall_s:.1f}",
        f"{made / wall_s:.0f}",
        outcome.get("resources", ""),
        outcome.get("errors", ""),
        f"{outcome['rss_mib']:.0f}",
        f"{os.getloadavg()[0]:.1f}",
    )


HEAD = (
    *("work", "client", "calls", "CPU µs/call", "calls/CPU s", "wall s", "calls/s", "resources", "errors"),
    *("peak RSS MiB", "load"),
)


def single_calls(binary, share):
    with serve(binary, buckets=10, volumes=5) as url:
        for name in CALL_NAMES:
            for client, count in (("generic", 20_000), ("boto3", 2_000)):
                outcome = run(
                    url=url, client=client, work="calls", regions=["us-east-1"], name=name, count=int(count * share)
                )
                yield row(name, client, outcome)


def transports(binary, share):
    """A signed request alone: from a thread's own socket, and handed to the wire's event loop."""
    with serve(binary, buckets=10) as url:
        for way in ("blocking socket", "event loop"):
            count = str(int(10_000 * share))
            command = [sys.executable, "-m", "bench.inventory_transports", way, url, str(THREADS), count]
            outcome = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
            yield row("signed request, nothing parsed", way, outcome)


def buckets(binary, share):
    count = int(1000 * share)
    with serve(binary, buckets=count) as url:
        for client in ("generic", "boto3"):
            outcome = run(url=url, client=client, work="collect", regions=["us-east-1"], types=["s3.bucket"])
            yield row(f"{count:,} buckets x 22 details", client, outcome)


def accounts(binary):
    """Nine services in all regions of ever more accounts: what the clients take in memory."""
    with serve(binary) as url:
        for client, counts in (("generic", (1, 10, 40)), ("boto3", (1, 3))):
            for count in counts:
                outcome = run(url=url, client=client, work="spread", regions=REGIONS, account_count=count)
                yield row(f"{count} accounts x {len(REGIONS)} regions x 9 services", client, outcome)


def resources(binary, share):
    count = int(20 * share) or 1
    with serve(binary, volumes=10_000) as url:
        outcome = run(
            url=url, client="generic", work="collect", regions=REGIONS[:5], types=["ec2.volume"], account_count=count
        )
        yield row(f"{count * 50_000:,} volumes", "generic", outcome)


def main(share=1.0):
    with tempfile.TemporaryDirectory() as folder:
        binary = build(folder)
        if binary is None:
            print("skipped: no Go to build the server with")
            return
        rows = [HEAD]
        parts = (
            single_calls(binary, share),
            transports(binary, share),
            buckets(binary, share),
            accounts(binary),
            resources(binary, share),
        )
        for part in parts:
            for line in part:
                print("  ".join(str(cell) for cell in line), flush=True)
                rows.append(line)
        report("inventory", rows, latency_ms=LATENCY_MS, threads=THREADS)


if __name__ == "__main__":
    main(*(float(text) for text in sys.argv[1:]))
