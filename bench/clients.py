"""Reading CloudTrail's S3 data events: this engine, others, and the floor (inflating alone), on generated logs of more than 1 GB.

Two questions: SigV2 requests by who and where, and all requests by agent, signature and TLS version. Then memory over
100 million events, and a re-scan after one new day of thirty. `WINDLASS_BENCH_GB=0.1` makes it small, `…_EVENTS=0` leaves
the long run out. The logs go into a temporary folder, which is removed.
"""

import concurrent.futures
import gzip
import json
import os
import random
import resource
import shutil
import subprocess
import tempfile
import threading
import time
import zlib
from collections import Counter
from pathlib import Path

from bench.report import report, rss_mib
from windlass.clients.config import ClientsConfig
from windlass.clients.scan.decompression import inflate
from windlass.clients.scan.file_readers import read_files
from windlass.clients.scan.sources import folder_files
from windlass.clients.scan.worker import ScanRules
from windlass.clients.service import Clients, ScanOptions
from windlass.store.config import StoreConfig
from windlass.store.database import open_store

GB = float(os.environ.get("WINDLASS_BENCH_GB", "1.1"))
EVENTS = int(float(os.environ.get("WINDLASS_BENCH_EVENTS", "1e8")))
PER_FILE = 1500
AGENTS = (
    "[aws-sdk-java/2.25.32 Linux/5.10.230 OpenJDK_64-Bit_Server_VM/22.0.1+8-16 Java/22.0.1 vendor/Oracle_Corporation io/sync http/Apache]",
    "[Boto3/1.34.93 md/Botocore#1.34.93 ua/2.0 os/linux#5.10.214 md/arch#x86_64 lang/python#3.12.3 md/pyimpl#CPython Botocore/1.34.93]",
    "[aws-sdk-go-v2/1.30.4 os/linux lang/go#1.24.0 md/GOOS#linux md/GOARCH#amd64 api/s3#1.60.1]",
    "[aws-cli/2.15.0 Python/3.11.6 Linux/5.10 source/x86_64 prompt/off command/s3.cp]",
    "[aws-sdk-js/3.758.0 ua/2.1 os/linux#5.10 lang/js md/nodejs#22.14.0 api/s3#3.758.0 m/E,T,i,o]",
)
OLD = "[aws-cli/1.11.10 Python/2.7.8 Linux/3.2.45 botocore/1.4.67]"


def record(rng, sessions, second):
    """A record as CloudTrail writes it, with the word SigV2 now and then where it means nothing."""
    name, arn, key, principal = rng.choice(sessions)
    bucket = f"harbour-{rng.randrange(40)}"
    old = rng.random() < 0.005
    path = f"data/year=2026/month=11/part-{rng.getrandbits(64):016x}.parquet"
    if rng.random() < 0.003:
        path += '","SignatureVersion":"SigV2","x":"'
    at = f"2026-11-20T{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
    host = f"{bucket}.s3.us-east-1.amazonaws.com"
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": principal,
            "arn": arn,
            "accountId": "123456789012",
            "accessKeyId": key,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": principal[:21],
                    "arn": f"arn:aws:iam::123456789012:role/{name}",
                    "accountId": "123456789012",
                    "userName": name,
                },
                "attributes": {"creationDate": at, "mfaAuthenticated": "false"},
                "ec2RoleDelivery": "2.0",
            },
        },
        "eventTime": at,
        "eventSource": "s3.amazonaws.com",
        "eventName": rng.choice(["GetObject", "GetObject", "PutObject", "HeadObject"]),
        "awsRegion": "us-east-1",
        "sourceIPAddress": f"10.0.{rng.randrange(4)}.{rng.randrange(250)}",
        "userAgent": OLD if old else rng.choice(AGENTS),
        "requestParameters": {"bucketName": bucket, "Host": host, "key": path},
        "responseElements": {"x-amz-server-side-encryption": "AES256"} if rng.random() < 0.2 else None,
        "additionalEventData": {
            "SignatureVersion": "SigV2" if old else "SigV4",
            "CipherSuite": "TLS_AES_128_GCM_SHA256",
            "bytesTransferredIn": 0,
            "SSEApplied": "Default_SSE_S3",
            "AuthenticationMethod": "AuthHeader",
            "x-amz-id-2": f"{rng.getrandbits(448):0112x}",
            "bytesTransferredOut": rng.randrange(10**7),
        },
        "requestID": f"{rng.getrandbits(64):016X}",
        "eventID": f"{rng.getrandbits(128):032x}",
        "readOnly": True,
        "resources": [
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{path}"},
            {"accountId": "123456789012", "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"},
        ],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": "123456789012",
        "vpcEndpointId": "vpce-0a1b2c3d4e5f60718",
        "eventCategory": "Data",
        "tlsDetails": {
            "tlsVersion": rng.choice(["TLSv1.2", "TLSv1.3"]),
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": host,
        },
    }


def generate(folder, number):
    """One file; its bytes before compression."""
    rng = random.Random(number)
    sessions = []
    for at in range(60):
        instance = f"i-{random.Random(at).getrandbits(64):016x}"
        role = f"app-{at % 20}"
        sessions.append(
            (
                role,
                f"arn:aws:sts::123456789012:assumed-role/{role}/{instance}",
                f"ASIA{at:016d}",
                f"AROA{at:017d}:{instance}",
            )
        )
    rows = [record(rng, sessions, number * 221 + at // 7) for at in range(PER_FILE)]
    raw = json.dumps({"Records": rows}, separators=(",", ":")).encode()
    day = folder / "AWSLogs/123456789012/CloudTrail/us-east-1/2026/11/20"
    day.mkdir(parents=True, exist_ok=True)
    (day / f"123456789012_CloudTrail_us-east-1_20261120T0000Z_{number:016d}.json.gz").write_bytes(
        gzip.compress(raw, 6, mtime=0)
    )
    return len(raw)


def cpu_s():
    """CPU seconds of this process and of the children that have ended."""
    spent = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def best(work, repeat=3):
    """The fastest of some runs: (seconds, its CPU seconds), and what it gave."""
    runs, answer = [], None
    for _ in range(repeat):
        started, spent = time.perf_counter(), cpu_s()
        answer = work()
        runs.append((time.perf_counter() - started, cpu_s() - spent))
    return min(runs), answer


# --- the ways ----------------------------------------------------------------------------------------------------------


def this(files, workers):
    """Both questions in one pass: groups of SigV2 requests, and all requests."""
    groups, everything = Counter(), Counter()
    for read in read_files(files, ScanRules(("sigv2",)), workers=workers, total_bytes=1 << 40):
        assert not read.file.problem, read.file
        for key, times in read.totals.uses.items():
            groups[key.facts.agent, key.principal, key.bucket, key.ip] += len(times)
        for (agent, signature, tls, _, _), number in read.totals.counts.items():
            everything[agent, signature, tls] += number
    return groups, everything


def stdlib_sigv2(files):
    found = Counter()
    for file in files:
        with gzip.open(file.path) as stream:
            for one in json.load(stream)["Records"]:
                if (
                    one["eventSource"] == "s3.amazonaws.com"
                    and one["additionalEventData"].get("SignatureVersion") == "SigV2"
                ):
                    who = one["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"]
                    found[one["userAgent"], who, one["requestParameters"]["bucketName"], one["sourceIPAddress"]] += 1
    return found


def stdlib_all(files):
    found = Counter()
    for file in files:
        with gzip.open(file.path) as stream:
            for one in json.load(stream)["Records"]:
                if one["eventSource"] == "s3.amazonaws.com":
                    found[
                        one["userAgent"],
                        one["additionalEventData"].get("SignatureVersion"),
                        one["tlsDetails"]["tlsVersion"],
                    ] += 1
    return found


def duck(paths, columns, where, threads):
    import duckdb

    with duckdb.connect(config={"threads": threads}) as connection:
        text = f"""SELECT {columns}, count(*) FROM (SELECT unnest(Records) AS r FROM read_json(?, maximum_object_size=67108864))
                   WHERE r.eventSource = 's3.amazonaws.com' {where} GROUP BY ALL"""
        return Counter({tuple(row[:-1]): row[-1] for row in connection.execute(text, [paths]).fetchall()})


SIGV2 = (
    "r.userAgent, r.userIdentity.sessionContext.sessionIssuer.arn, r.requestParameters.bucketName, r.sourceIPAddress",
    "AND r.additionalEventData.SignatureVersion = 'SigV2'",
)
ALL = ("r.userAgent, r.additionalEventData.SignatureVersion, r.tlsDetails.tlsVersion", "")


def polars_all(files):
    import polars as pl

    schema = {
        "Records": pl.List(
            pl.Struct(
                {
                    "eventSource": pl.String,
                    "userAgent": pl.String,
                    "tlsDetails": pl.Struct({"tlsVersion": pl.String}),
                    "additionalEventData": pl.Struct({"SignatureVersion": pl.String}),
                }
            )
        )
    }
    found = Counter()
    for file in files:
        raw = inflate(Path(file.path).read_bytes(), limit_bytes=1 << 30)
        frame = (
            pl.read_json(raw, schema=schema)
            .explode("Records")
            .unnest("Records")
            .filter(pl.col("eventSource") == "s3.amazonaws.com")
        )
        rows = (
            frame.select(
                "userAgent",
                pl.col("additionalEventData").struct.field("SignatureVersion"),
                pl.col("tlsDetails").struct.field("tlsVersion"),
            )
            .group_by(pl.all())
            .len()
        )
        for agent, signature, tls, number in rows.iter_rows():
            found[agent, signature, tls] += number
    return found


def jq(files, program):
    listed = " ".join(file.path for file in files)
    done = subprocess.run(
        f"zcat {listed} | jq -r '{program}' | sort | uniq -c", shell=True, capture_output=True, check=True, text=True
    )
    return sum(int(line.split()[0]) for line in done.stdout.splitlines())


def floor(files, workers):
    def one(file):
        return len(inflate(Path(file.path).read_bytes(), limit_bytes=1 << 30))

    with concurrent.futures.ThreadPoolExecutor(workers) as threads:
        return sum(threads.map(one, files))


def zlib_floor(files):
    return sum(len(zlib.decompress(Path(file.path).read_bytes(), 31)) for file in files)


# --- runs --------------------------------------------------------------------------------------------------------------


def children_of(pid):
    """The processes that any thread of a process started."""
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


class Peak:
    """The largest resident memory of this process, and of its largest worker, while the block runs."""

    def __enter__(self):
        self.own = self.worker = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self):
        pid = os.getpid()
        while not self._done.wait(0.2):
            self.own = max(self.own, rss_mib())
            try:
                self.worker = max([self.worker, *(rss_mib(child) for child in children_of(pid))])
            except OSError:  # one has just ended
                continue

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


def compare(folder, raw_bytes):
    files = list(folder_files(folder))
    few = files[:: max(1, len(files) // 40)]
    share = sum(file.size_bytes for file in few) / sum(file.size_bytes for file in files)
    paths = [file.path for file in files]
    rows = [
        (
            "way",
            "cores",
            "SigV2 groups GB/s",
            "per CPU s",
            "of the floor",
            "all requests GB/s",
            "per CPU s",
            "of the floor",
        )
    ]
    floors = {}

    def line(name, cores, sigv2=None, everything=None, of=1.0):
        cells = []
        for found in (sigv2, everything):
            if found is None:
                cells += ["", "", ""]
                continue
            took, spent = found
            speed = raw_bytes * of / took / 1e9
            cells += [
                f"{speed:.3f}",
                f"{raw_bytes * of / max(spent, 1e-9) / 1e9:.3f}",
                f"{speed / floors.get(cores, speed):.2f}",
            ]
        rows.append((name, cores, *cells))

    for cores in (1, 2):
        took, total = best(lambda cores=cores: floor(files, cores))
        assert total == raw_bytes
        floors[cores] = raw_bytes / took[0] / 1e9
        line(f"floor: inflate alone ({cores} thread{'s' if cores > 1 else ''})", cores, took, took)
    line("inflate alone, the standard library's zlib", 1, best(lambda: zlib_floor(files), 1)[0])
    expected_groups, expected_all = stdlib_sigv2(few), stdlib_all(few)
    for workers in (1, 2):
        took, (groups, everything) = best(lambda workers=workers: this(files, workers))
        assert sum(groups.values()) > 0
        line(f"windlass, {workers} process{'es' if workers > 1 else ''} (one pass answers both)", workers, took, took)
    groups, everything = this(few, 1)
    assert (groups, everything) == (expected_groups, expected_all), "the answers must be the same"
    line(
        "stdlib gzip + json (a tenth of the files)",
        1,
        best(lambda: stdlib_sigv2(few), 1)[0],
        best(lambda: stdlib_all(few), 1)[0],
        share,
    )
    for threads in (1, 2):
        found, one = best(lambda threads=threads: duck(paths, *SIGV2, threads), 1)
        all_s, two = best(lambda threads=threads: duck(paths, *ALL, threads), 1)
        assert sum(one.values()) > 0
        assert sum(two.values()) == len(files) * PER_FILE
        line(f"DuckDB, automatic schema, {threads} thread{'s' if threads > 1 else ''}", threads, found, all_s)
    took, found = best(lambda: polars_all(few), 1)
    assert found == expected_all
    line("polars, schema given (a tenth)", 2, None, took, share)
    first = best(
        lambda: jq(
            few,
            '.Records[] | select(.eventSource == "s3.amazonaws.com" and .additionalEventData.SignatureVersion == "SigV2") | [.userAgent, .sourceIPAddress, .requestParameters.bucketName] | @tsv',
        ),
        1,
    )[0]
    second = best(
        lambda: jq(
            few,
            '.Records[] | select(.eventSource == "s3.amazonaws.com") | [.userAgent, .additionalEventData.SignatureVersion, .tlsDetails.tlsVersion] | @tsv',
        ),
        1,
    )[0]
    line("zcat | jq (a tenth)", 2, first, second, share)
    return rows


def one_large_file(folder, raw_bytes, rows):
    """The same records as one file of several hundred megabytes, which is read section by section in bounded memory."""
    large = folder.parent / "large" / next(folder.rglob("*.gz")).name
    large.parent.mkdir()
    with gzip.open(large, "wb", compresslevel=6) as joined:
        joined.write(b'{"Records":[')
        for position, path in enumerate(sorted(folder.rglob("*.gz"))):
            records = gzip.decompress(path.read_bytes())[len(b'{"Records":[') : -len(b"]}")]
            joined.write((b"," if position else b"") + records)
        joined.write(b"]}")
    files = list(folder_files(large.parent))
    with Peak() as peak:
        took, (_, everything) = best(lambda: this(files, 1), 1)
    assert everything == this(list(folder_files(folder)), 1)[1], "the answers must be the same"
    speed, per_cpu = raw_bytes / took[0] / 1e9, raw_bytes / took[1] / 1e9
    name = f"windlass, the same records as one file ({peak.own:.0f} MiB RSS, worker {peak.worker:.0f})"
    rows.append((name, 1, f"{speed:.3f}", f"{per_cpu:.3f}", "", f"{speed:.3f}", f"{per_cpu:.3f}", ""))
    shutil.rmtree(large.parent)


def whole_scan(folder, raw_bytes, rows):
    """The command's own path: files found, read, attributed, written into the store; then again after one new day of thirty."""
    with open_store(StoreConfig(url=f"sqlite:///{folder.parent}/bench.db")) as store:
        clients = Clients(store, ClientsConfig(), home=None)
        started = time.perf_counter()
        done = clients.scan(ScanOptions(source=str(folder), rules=("sigv2",), workers=2))
        took = time.perf_counter() - started
        rows.append(
            (
                "windlass clients scan, into the store, 2 processes",
                2,
                f"{raw_bytes / took / 1e9:.3f}",
                "",
                "",
                "",
                "",
                "",
            )
        )
        files = list(folder_files(folder))
        new = max(1, len(files) // 29)
        for at, file in enumerate(files[:new]):
            shutil.copy(file.path, folder / f"new-{at}.json.gz")
        again = clients.scan(ScanOptions(source=str(folder), rules=("sigv2",), workers=1))
        for at in range(new):
            (folder / f"new-{at}.json.gz").unlink()
        return again.size_bytes / (done.size_bytes + again.size_bytes), again.files, done.files


def long_run(folder, events):
    """So many events: the same files under many names."""
    files = list(folder_files(folder))
    times = -(-events // (len(files) * PER_FILE))
    with open_store(StoreConfig(url=f"sqlite:///{folder.parent}/long.db")) as store, Peak() as peak:
        many = folder.parent / "many"
        many.mkdir()
        for turn in range(times):
            for at, file in enumerate(files):
                (many / f"{turn:04}-{at:05}.json.gz").symlink_to(file.path)
        del files
        clients = Clients(store, ClientsConfig(), home=None)
        started = time.perf_counter()
        done = clients.scan(ScanOptions(source=str(many), rules=("sigv2",), workers=2))
        took = time.perf_counter() - started
    return done, took, peak


def main():
    with tempfile.TemporaryDirectory(prefix="windlass-bench-") as name:
        folder = Path(name) / "logs"
        count = max(2, round(GB * 1e9 / (PER_FILE * 1900)))
        started = time.perf_counter()
        with concurrent.futures.ProcessPoolExecutor() as processes:
            raw_bytes = sum(processes.map(generate, [folder] * count, range(count)))
        packed = sum(path.stat().st_size for path in folder.rglob("*.gz"))
        print(
            f"{count:,} files, {count * PER_FILE:,} records, {raw_bytes:,} bytes, {packed:,} on disk ({packed / count / PER_FILE:.0f} a record), made in {time.perf_counter() - started:.0f} s",
            flush=True,
        )
        rows = compare(folder, raw_bytes)
        one_large_file(folder, raw_bytes, rows)
        share, new, before = whole_scan(folder, raw_bytes, rows)
        report("clients", rows, files=count, records=count * PER_FILE, raw_bytes=raw_bytes, gzip_bytes=packed)
        print(
            f"\nre-scan after {new} new files beside {before} known ones: read {share:.4f} of all bytes (1/30 is {1 / 30:.4f})",
            flush=True,
        )
        if EVENTS:
            done, took, peak = long_run(folder, EVENTS)
            speed = done.raw_bytes / took / 1e9
            print(
                f"{done.records:,} events in {took:.0f} s ({speed:.2f} GB/s, 2 processes): peak RSS {peak.own:.0f} MiB, of a worker {peak.worker:.0f} MiB"
            )


if __name__ == "__main__":
    main()
