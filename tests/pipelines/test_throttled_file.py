"""pyarrow's reader reads ahead only a little, and never waits for data that it needs."""

import threading

import pyarrow as pa
import pytest
from pyarrow import csv

from tests.pipelines.transforming import content, rejection
from windlass.pipelines.chain import read_transform
from windlass.pipelines.model import Reason, Source
from windlass.pipelines.throttled_file import ThrottledFile, throttled_batches

BLOCK = 1 << 16


def chunks(count, requested, line=b"1,2\n"):
    block = line * (BLOCK // len(line))
    for number in range(count):
        requested.append(number)
        yield block


def reader_of(file):
    options = csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=["a", "b"])
    with file.waiting():
        return csv.open_csv(pa.PythonFile(file, mode="r"), read_options=options)


def test_pyarrow_reads_ahead_at_most_a_few_blocks():
    requested = []
    file = ThrottledFile(chunks(200, requested))
    with reader_of(file) as reader:
        for number, _ in enumerate(throttled_batches(reader, file)):
            assert len(requested) <= number + 8  # without the limit, pyarrow reads 32 blocks ahead
            if number == 100:
                break
        file.close()


def test_blocks_of_empty_lines_do_not_stall_the_reader():
    requested = []
    file = ThrottledFile(chunks(20, requested, line=b"\n"))
    file2 = ThrottledFile(iter([b"1,2\n", *chunks(20, requested, line=b"\n"), b"3,4\n"]))
    with reader_of(file2) as reader:
        rows = [row for batch in throttled_batches(reader, file2) for row in batch.to_pylist()]
    assert rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    file.close()


def test_a_reader_that_stops_early_leaves_no_thread():
    before = threading.active_count()
    for _ in range(5):
        source = chunks(1000, [])
        transform = read_transform({"step": "csv-to-parquet", "columns": ["a", "b"]})
        output = next(transform.run(Source(chunks=source, name="x")))
        next(iter(output.chunks))
        output.chunks.close()
    assert threading.active_count() <= before + 2  # pyarrow keeps its own reading thread


def test_an_error_of_the_source_is_raised():
    class Broken(Exception):
        pass

    def broken():
        yield b"a,b\n" + b"1,2\n" * 300_000
        raise Broken

    with pytest.raises(Broken):
        content("csv-to-parquet", broken())
    late_error = b"a,b\n" + b"1,2\n" * 600_000 + b"\xff,1\n"
    assert rejection("csv-to-parquet", late_error).reason is Reason.NOT_TEXT
