"""pyarrow's reader is held to what is used; nothing that it needs is kept from it."""

import threading

import pyarrow as pa
import pytest
from pyarrow import csv

from tests.pipelines.transforming import content, rejection
from windlass.pipelines.chain import read_transform
from windlass.pipelines.model import Reason, Source
from windlass.pipelines.throttled_file import ThrottledFile, throttled_batches

BLOCK = 1 << 16


def chunks(count, taken, line=b"1,2\n"):
    block = line * (BLOCK // len(line))
    for number in range(count):
        taken.append(number)
        yield block


def reader_of(file):
    options = csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=["a", "b"])
    with file.waiting():
        return csv.open_csv(pa.PythonFile(file, mode="r"), read_options=options)


def test_no_more_is_read_than_is_used():
    taken = []
    file = ThrottledFile(chunks(200, taken))
    with reader_of(file) as reader:
        for number, _ in enumerate(throttled_batches(reader, file)):
            assert len(taken) <= number + 8  # pyarrow alone is 32 ahead
            if number == 100:
                break
        file.close()


def test_empty_lines_that_yield_nothing_are_passed():
    taken = []
    file = ThrottledFile(chunks(20, taken, line=b"\n"))
    file2 = ThrottledFile(iter([b"1,2\n", *chunks(20, taken, line=b"\n"), b"3,4\n"]))
    with reader_of(file2) as reader:
        rows = [row for batch in throttled_batches(reader, file2) for row in batch.to_pylist()]
    assert rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    file.close()


def test_a_reader_that_stops_early_leaves_no_thread_waiting():
    before = threading.active_count()
    for _ in range(5):
        source = chunks(1000, [])
        transform = read_transform({"step": "csv-to-parquet", "columns": ["a", "b"]})
        output = next(transform.run(Source(chunks=source, name="x")))
        next(iter(output.chunks))
        output.chunks.close()
    assert threading.active_count() <= before + 2  # pyarrow's own reading thread stays


def test_what_the_source_raises_reaches_the_user():
    class Broken(Exception):
        pass

    def broken():
        yield b"a,b\n" + b"1,2\n" * 300_000
        raise Broken

    with pytest.raises(Broken):
        content("csv-to-parquet", broken())
    late = b"a,b\n" + b"1,2\n" * 600_000 + b"\xff,1\n"
    assert rejection("csv-to-parquet", late).reason is Reason.NOT_TEXT
