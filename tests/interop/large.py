"""A worker beside a real S3 server: `rclone serve s3` has the objects, the embedded AWS only the queue of events.

What rclone 1.75 does and doesn't: it verifies every signature, serves ranges, takes multipart uploads (parts in order, as
they are sent here) and keeps user metadata while it runs. It ignores If-Match and If-None-Match on every call (a put over
another object's ETag is answered 200), so the guarantees that stand on conditional writes are not looked at here; the
embedded AWS and the simulator have them. Its ETag is the content's MD5, made when first asked for.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import boto3

from tests.interop.servers import s3_server

ACCOUNT, REGION, QUEUE = "111111111111", "us-east-1", "raw-events"
BLOCK_BYTES = 64 << 20  # beyond the window of every codec here, so that the same block again is news to it
TRANSFORMS = {"copy": '"copy"', "gzip": '"gzip"', "zstd": '"zstd"', "csv-to-parquet": '"csv-to-parquet"'}


@dataclass(frozen=True)
class Passed:
    """How one object went through a worker process of its own."""

    duration_s: float
    peak_mib: float
    made: Path
    busiest: float
    """The share of the time that the thread which did the most had a core."""


def make_csv(path, size_bytes):
    """Rows with numbers, quoting, nulls and times; about `size_bytes`, whole rows. The exact number of data rows."""
    dice = random.Random(5)
    rows = 0

    def block():
        made, size = [], 0
        while size < BLOCK_BYTES:
            at = dice.randrange(10**9)
            when = f"2026-11-{at % 28 + 1:02}T{at % 24:02}:{at % 60:02}:{at // 60 % 60:02}Z"
            row = b'%d,"name, %d",%d.%02d,%s,%s\n' % (
                at,
                dice.randrange(10**6),
                at % 10**5,
                at % 100,
                when.encode(),
                b"" if at % 7 == 0 else b"note %x" % dice.getrandbits(64),
            )
            made.append(row)
            size += len(row)
        return b"".join(made), len(made)

    content, count = block()
    with path.open("wb") as file:
        file.write(b"id,name,amount,at,note\n")
        while file.tell() + len(content) <= size_bytes or rows == 0:
            file.write(content)
            rows += count
    return rows


class Place:
    """The two servers and `windlass.toml`, in a folder; `passes` runs a worker."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        for bucket in ("raw", "out"):
            (self.data / bucket).mkdir(parents=True)
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack as stack:
            server = s3_server("rclone", self.folder, key=ACCOUNT, secret="windlass-local")
            self.s3_url = stack.enter_context(server)
            self.aws_url = stack.enter_context(_embedded())
            keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": REGION}
            self._sqs = boto3.client("sqs", endpoint_url=self.aws_url, **keys)
            stack.callback(self._sqs.close)
            self._queue = self._sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def environment(self):
        """For a program that speaks to both servers with the keys they know."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WINDLASS_"))}
        return plain | {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ENDPOINT_URL_S3": self.s3_url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "windlass-local",
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": "127.0.0.1",
        }

    def passes(self, name, key, transform, *, made=1, limit_s=3600):
        """The object raw/key through a pipeline in a worker process of its own, whose peak (VmHWM) is read from outside."""
        (self.folder / "windlass.toml").write_text(
            f'[estate]\naccounts = [{{ id = "{ACCOUNT}" }}]\nhome_region = "{REGION}"\nallow_endpoint_override = true\n'
            f'[[pipeline]]\nname = "large"\nqueue = "{QUEUE}"\nsource = "s3://raw/"\ntransform = {transform}\n'
            f'target = "s3://out/{name}/{{name}}"\non_error = "s3://out/failed/{name}/"\n'
        )
        command = [
            sys.executable,
            "-m",
            "windlass",
            "pipeline",
            "run",
            "--setting",
            "wait_s=1",
            "--setting",
            "read_timeout_s=11",
        ]
        log = self.folder / "log"
        with log.open("wb") as said:
            worker = subprocess.Popen(command, cwd=self.folder, env=self.environment(), stdout=said, stderr=said)
        try:
            self._wait(lambda: b"consumer.started" in log.read_bytes(), worker, 60)
            began = time.perf_counter()
            threads = _Threads(worker.pid)
            self._send(key)
            self._wait(lambda: threads.look() or self._left() == 0, worker, limit_s)
            duration_s = time.perf_counter() - began
            peak_mib = _peak_mib(worker.pid)
        finally:
            worker.terminate()
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self.log = log.read_text()
        found = sorted(entry for entry in (self.data / "out").rglob("*") if entry.is_file() and name in entry.parts)
        assert len(found) == made, (found, self.log[-2000:])
        return Passed(duration_s, peak_mib, found[0], threads.busiest_s() / duration_s)

    def warm(self, key):
        """Have the server read the object once, as it does before it first says its ETag; outside of what is timed."""
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "windlass-local", "region_name": REGION}
        with contextlib.closing(boto3.client("s3", endpoint_url=self.s3_url, **keys)) as s3:
            s3.head_object(Bucket="raw", Key=key)

    def _send(self, key):
        record = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": REGION,
            "eventTime": "2026-11-21T00:00:00Z",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "raw"}, "object": {"key": key, "size": 1, "sequencer": "01"}},
        }
        self._sqs.send_message(QueueUrl=self._queue, MessageBody=json.dumps({"Records": [record]}))

    def _left(self):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in told.values())

    def _wait(self, what, worker, limit_s):
        deadline = time.monotonic() + limit_s
        while not what():
            assert worker.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)


class _Threads:
    """The CPU that each thread of a process took since it was first looked at; a codec's thread is gone at the end."""

    def __init__(self, pid):
        self._tasks = Path(f"/proc/{pid}/task")
        self._last = {}
        self.look()
        self._first = dict(self._last)

    def look(self):
        for task in self._tasks.iterdir():
            with contextlib.suppress(OSError):
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                self._last[task.name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def busiest_s(self):
        return max(cpu_s - self._first.get(name, 0.0) for name, cpu_s in self._last.items())


def _peak_mib(pid):
    line = next(
        splitline for splitline in Path(f"/proc/{pid}/status").read_text().splitlines() if splitline.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1024


@contextlib.contextmanager
def _embedded():
    command = [sys.executable, "-m", "windlass", "local", "up", "--port", "0", "--no-populate", "--with-parent"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        url = process.stdout.readline().strip()
        drained = threading.Thread(target=process.stdout.read, daemon=True)
        drained.start()
        try:
            yield url
        finally:
            process.stdin.close()
            process.wait(30)
            drained.join(5)
