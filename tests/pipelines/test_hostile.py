"""Inputs made to harm: each is refused, with a reason that names its limit, before it takes memory or time."""

import io
import tarfile
import tempfile
import time
import zipfile
from random import Random

import pytest

from tests.pipelines.corpus import tarred, zipped
from tests.pipelines.transforming import content, made_or_refused, rejection
from windlass.pipelines.model import Reason


def test_a_row_whose_quotes_never_end_is_refused_by_its_size():
    """Each line and field is short; the row would have all of the object's."""
    data = (b'a,b\n"' + b'x\n","' * 40_000 for _ in range(100))
    refused = rejection({"step": "csv-to-jsonl", "max_line_bytes": "64KiB"}, data)
    assert refused.reason is Reason.TOO_LARGE
    assert "max_line_bytes" in refused.message


def test_a_row_of_a_million_fields_is_refused():
    refused = rejection("csv-to-jsonl", b"a\n" + b"xy," * 1_000_000 + b"\n")
    assert refused.reason is Reason.TOO_LARGE
    assert "250,000 fields" in refused.message


def test_rows_of_many_lines_pass_one_by_one():
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
def test_a_line_without_end_is_refused_by_the_name_of_its_limit(step, limit):
    taken = []

    def endless():
        for number in range(10_000):
            taken.append(number)
            yield b"a" * (256 << 10)

    refused = rejection(step, endless())
    assert refused.reason is Reason.TOO_LARGE
    assert limit in refused.message
    assert len(taken) < 100


def test_many_columns_of_which_one_is_there_twice_are_counted_once():
    header = ",".join(f"c{at}" for at in range(100_000)) + ",c99999\n"
    began = time.process_time()
    assert rejection("csv-to-jsonl", header.encode()).reason is Reason.MALFORMED
    assert time.process_time() - began < 20  # a count of each name would take an hour


def test_more_columns_than_a_table_has_are_refused():
    header = ",".join(f"c{at}" for at in range(20_000)) + "\n"
    assert rejection("csv-to-parquet", header.encode()).reason is Reason.TOO_LARGE
    wide = "{" + ",".join(f'"c{at}":1' for at in range(20_000)) + "}\n"
    assert rejection("jsonl-to-parquet", wide.encode()).reason is Reason.TOO_LARGE


def test_names_with_unusual_line_ends_stay_whole():
    assert content(["csv-to-parquet", "parquet-to-jsonl"], "a\u2028b,c\x0bd\n1,2\n".encode()) == (
        '{"a\u2028b":1,"c\\u000bd":2}\n'.encode()
    )


def test_names_that_are_no_utf_8_are_refused():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("caf\xe9.txt")
        archive.addfile(info, io.BytesIO(b""))
    assert rejection("untar", made.getvalue()).reason is Reason.UNSAFE_NAME


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_zip_of_any_method_is_made_or_refused(method):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        for number in range(3):
            archive.writestr(f"d/{number}.txt", b"some text of a member " * 40)
    _damage(whole.getvalue(), "unzip")


def test_a_damaged_tar_is_made_or_refused():
    _damage(tarred({"a/b.txt": b"x" * 700, "n" * 150: b"y", "ä": b"z"}), "untar")


def _damage(whole, step):
    dice = Random(7)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 5)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        made_or_refused(step, bytes(data[: dice.choice([len(data), dice.randrange(len(data))])]))


def test_large_records_make_small_batches():
    """10,000 rows at once would hold all of them; the first 4 MiB decide the types."""
    taken = []

    def rows():
        for number in range(40):
            taken.append(number)
            yield b'{"id":%d,"body":"%s"}\n' % (number, b"x" * (1 << 20))
        yield b'{"id":"no number","body":""}\n'

    refused = rejection("jsonl-to-parquet", rows())
    assert "records 41 to 41" in refused.message


def test_a_member_s_archive_in_an_archive_is_held_to_the_limits_too():
    bomb = zipped({"inner.gz": b""})
    assert made_or_refused(["unzip", "gunzip"], bomb) == []
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
def test_the_same_input_is_refused_in_the_same_words(step, data):
    """A reason is kept beside the object: it must not differ by process, nor tell of our folders."""
    said = rejection(step, data).message
    assert said == rejection(step, data).message
    assert tempfile.gettempdir() not in said
    assert " at 0x" not in said
