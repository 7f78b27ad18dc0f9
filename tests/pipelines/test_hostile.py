"""Hostile inputs: each is rejected, with a reason that names its limit, before it takes memory or time."""

import io
import tarfile
import tempfile
import time
import zipfile
from random import Random

import pytest

from tests.pipelines.corpus import tarred, zipped
from tests.pipelines.transforming import content, outputs_or_rejection, rejection
from windlass.pipelines.model import Reason


def test_a_row_with_unclosed_quotes_is_rejected_by_its_size():
    """Each line and field is short; the row would contain all lines of the object."""
    data = (b'a,b\n"' + b'x\n","' * 40_000 for _ in range(100))
    refused = rejection({"step": "csv-to-jsonl", "max_line_bytes": "64KiB"}, data)
    assert refused.reason is Reason.TOO_LARGE
    assert "max_line_bytes" in refused.message


def test_a_row_of_a_million_fields_is_rejected():
    refused = rejection("csv-to-jsonl", b"a\n" + b"xy," * 1_000_000 + b"\n")
    assert refused.reason is Reason.TOO_LARGE
    assert "250,000 fields" in refused.message


def test_rows_of_many_lines_stream_one_by_one():
    data = b"a\n" + b'"x\ny"\n' * 1000
    assert content({"step": "csv-to-jsonl", "max_line_bytes": "64B"}, data) == b'{"a":"x\\ny"}\n' * 1000


@pytest.mark.parametrize(
    ("step", "limit"),
    [
        ("csv-to-jsonl", "max_line_bytes"),
        ("line-filter", "max_line_bytes"),
        ("jsonl-to-csv", "max_line_bytes"),
        ("redact", "max_line_bytes"),
        ("csv-to-parquet", "block_bytes"),
        ("jsonl-to-parquet", "max_line_bytes"),
    ],
)
def test_an_endless_line_is_rejected_with_the_name_of_its_limit(step, limit):
    requested = []

    def endless():
        for number in range(10_000):
            requested.append(number)
            yield b"a" * (256 << 10)

    refused = rejection(step, endless())
    assert refused.reason is Reason.TOO_LARGE
    assert limit in refused.message
    assert len(requested) < 100


def test_a_duplicate_among_many_columns_is_found_in_linear_time():
    header = ",".join(f"c{at}" for at in range(100_000)) + ",c99999\n"
    began = time.process_time()
    assert rejection("csv-to-jsonl", header.encode()).reason is Reason.MALFORMED
    assert time.process_time() - began < 20  # a count of each name would take an hour


def test_too_many_columns_are_rejected():
    header = ",".join(f"c{at}" for at in range(20_000)) + "\n"
    assert rejection("csv-to-parquet", header.encode()).reason is Reason.TOO_LARGE
    wide = "{" + ",".join(f'"c{at}":1' for at in range(20_000)) + "}\n"
    assert rejection("jsonl-to-parquet", wide.encode()).reason is Reason.TOO_LARGE


def test_names_with_unusual_line_ends_are_not_split():
    assert content(["csv-to-parquet", "parquet-to-jsonl"], "a\u2028b,c\x0bd\n1,2\n".encode()) == (
        '{"a\u2028b":1,"c\\u000bd":2}\n'.encode()
    )


def test_names_that_are_not_utf_8_are_rejected():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("caf\xe9.txt")
        archive.addfile(info, io.BytesIO(b""))
    assert rejection("untar", buffer.getvalue()).reason is Reason.UNSAFE_NAME


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_of_any_method_is_expanded_or_rejected(method):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        for number in range(3):
            archive.writestr(f"d/{number}.txt", b"some text of a member " * 40)
    _damage(whole.getvalue(), "unzip")


def test_a_damaged_tar_is_expanded_or_rejected():
    _damage(tarred({"a/b.txt": b"x" * 700, "n" * 150: b"y", "ä": b"z"}), "untar")


def _damage(whole, step):
    dice = Random(7)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 5)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        outputs_or_rejection(step, bytes(data[: dice.choice([len(data), dice.randrange(len(data))])]))


def test_large_records_make_small_batches():
    """A batch of 10,000 rows would contain all of them; the first 4 MiB decide the types."""
    requested = []

    def rows():
        for number in range(40):
            requested.append(number)
            yield b'{"id":%d,"body":"%s"}\n' % (number, b"x" * (1 << 20))
        yield b'{"id":"no number","body":""}\n'

    refused = rejection("jsonl-to-parquet", rows())
    assert "records 41 to 41" in refused.message


def test_a_nested_archive_has_the_same_limits():
    bomb = zipped({"inner.gz": b""})
    assert outputs_or_rejection(["unzip", "gunzip"], bomb) == []
    assert rejection(["unzip", "gunzip"], bomb).reason is Reason.TRUNCATED


@pytest.mark.parametrize(
    ("step", "data"),
    [
        ("thumbnail", b"no picture"),
        ({"step": "sql", "query": "SELECT * FROM input"}, b"id\n\xff\n"),
        ({"step": "sql", "query": "SELECT nothing FROM input"}, b"id\n1\n"),
        ({"step": "sql", "query": "SELECT 1", "input": "parquet"}, b"PAR1"),
    ],
    ids=["image", "text", "query", "parquet"],
)
def test_the_same_input_is_rejected_with_the_same_message(step, data):
    """A reason is stored beside the object: it must not differ by process, nor show our folders."""
    message = rejection(step, data).message
    assert message == rejection(step, data).message
    assert tempfile.gettempdir() not in message
    assert " at 0x" not in message
