"""Manifests out and completion reports in: rows a second of one core. Goals: 1 M rows/s written and read, 100 M report rows in 120 s."""

import time

from bench.report import report, rss_mib
from windlass.replication.methods.batch.manifest import encode_rows, encode_versions, quote_key, read_rows
from windlass.replication.methods.batch.report import tally

ROWS = 2_000_000
BLOCK = 20_000


def plain(number):
    return f"2026/11/{number % 30:02}/{number:08x}/part-{number}.parquet"


def hard(number):
    return f"2026/é {number:08x}/part+{number} %.parquet"


def rate(work):
    """Rows a second of CPU time, the best of three."""
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        count = work()
        best = max(best, count / (time.process_time() - began))
    return best


def drained(chunks):
    size = sum(map(len, chunks))
    assert size
    return ROWS


def report_chunks(key, message, fails):
    """A completion report in chunks of a MiB or so."""
    for at in range(0, ROWS, BLOCK):
        yield "".join(
            f"logs,{quote_key(key(number))},,failed,403,AccessDenied,{message}\n"
            if number % fails == 0
            else f"logs,{quote_key(key(number))},,succeeded,200,,Successful\n"
            for number in range(at, at + BLOCK)
        ).encode()


def main():
    rows = [("what", "rows/s", "goal", "peak RSS MiB")]

    def note(what, work, goal=""):
        rows.append((what, f"{rate(work):,.0f}", goal, f"{rss_mib():.0f}"))

    for name, key in (("plain keys", plain), ("keys with spaces, é, +, %", hard)):
        keys = [key(number) for number in range(BLOCK)] * (ROWS // BLOCK)
        note(f"manifest written, {name}", lambda keys=keys: drained(encode_rows("logs", keys)), "1,000,000")
        chunks = list(encode_rows("logs", keys))
        note(f"manifest read, {name}", lambda chunks=chunks: sum(1 for _ in read_rows(chunks)), "1,000,000")
        del keys, chunks
    versions = [(plain(number), f"3sL4kqtJlcpXroDTDmJ{number:012}") for number in range(BLOCK)] * (ROWS // BLOCK)
    note("manifest written with versions", lambda rows=versions: drained(encode_versions("logs", rows)))
    del versions
    for what, message, fails in (
        ("all failed", "Access Denied", 1),
        ("all failed, quoted messages", '"Lambda said: {""error"": ""timed out, again""}"', 1),
        ("one in ten failed", "Access Denied", 10),
    ):
        chunks = list(report_chunks(plain, message, fails))
        retry = []

        def work(chunks=chunks, retry=retry):
            retry.clear()
            result = tally(chunks, lambda block: retry.append(len(block)))
            assert result.failed + result.succeeded == ROWS
            return ROWS

        note(f"report to retry manifest, {what}", work, "833,333")
    report("manifests", rows)


if __name__ == "__main__":
    main()
