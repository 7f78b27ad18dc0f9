"""CSV, JSON lines and Parquet, against the csv module, json and pyarrow."""

import csv
import datetime as dt
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.pipelines.transforming import content, outputs, rejection
from windlass.pipelines.model import Reason

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def table(data):
    return pq.read_table(io.BytesIO(data))


def written(rows, **how):
    out = io.StringIO(newline="")
    csv.writer(out, **how).writerows(rows)
    return out.getvalue().encode()


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
grids = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8)
)


@given(grids, st.sampled_from([1, 3, 4096]))
@settings(max_examples=examples(100), deadline=None)
def test_csv_to_jsonl_to_csv_keeps_the_rows(grid, chunk):
    header = [f"c{index}" for index in range(len(grid[0]))]
    data = written([header, *grid], quoting=csv.QUOTE_ALL)
    lines = content("csv-to-jsonl", data, chunk=chunk)
    assert [list(json.loads(line).values()) for line in lines.splitlines()] == grid
    converted = content("jsonl-to-csv", lines, chunk=chunk)
    assert list(csv.reader(io.StringIO(converted.decode(), newline=""))) == [header, *grid]


@given(grids)
@settings(max_examples=examples(60), deadline=None)
def test_csv_to_parquet_keeps_the_rows_as_texts(grid):
    header = [f"c{index}" for index in range(len(grid[0]))]
    data = written([header, *grid], quoting=csv.QUOTE_ALL)
    converted = table(content({"step": "csv-to-parquet", "types": "text"}, data, chunk=11))
    assert converted.column_names == header
    assert [list(row.values()) for row in converted.to_pylist()] == grid


def test_csv_to_parquet_infers_types_nulls_and_quoting():
    data = (
        b"id,zip,amount,ok,day,at,local,note,phone\r\n"
        b'1,007,1.50,true,2026-11-21,2026-11-21T10:00:00Z,2026-11-21 10:00:00,"say ""hi"", twice",+49\r\n'
        b'2,12345,-2e3,false,2026-11-22,2026-11-21T11:00:00+01:00,2026-11-21T10:00:00.25,"two\r\nlines",030\r\n'
        b'3,,,,,,,"",\r\n'
    )
    converted = table(content("csv-to-parquet", data, chunk=3, name="x.csv"))
    assert [str(kind) for kind in converted.schema.types] == [
        "int64",
        "string",
        "double",
        "bool",
        "date32[day]",
        "timestamp[us, tz=UTC]",
        "timestamp[us]",
        "string",
        "string",
    ]
    utc = dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC)
    rows = [list(row.values()) for row in converted.to_pylist()]
    assert rows == [
        [1, "007", 1.5, True, dt.date(2026, 11, 21), utc, dt.datetime(2026, 11, 21, 10), 'say "hi", twice', "+49"],
        [
            2,
            "12345",
            -2000.0,
            False,
            dt.date(2026, 11, 22),
            utc,
            dt.datetime(2026, 11, 21, 10, 0, 0, 250000),
            "two\r\nlines",
            "030",
        ],
        [3, None, None, None, None, None, None, "", None],
    ]


def test_a_later_row_never_changes_its_notation():
    """The first block says int64; a later 007 must not become 7."""
    data = b"id\n" + b"12345\n" * 1000 + b"007\n"
    rejected = rejection({"step": "csv-to-parquet", "block_bytes": 1024}, data)
    assert rejected.reason is Reason.UNSUPPORTED
    assert "'007'" in rejected.message
    assert "schema" in rejected.hint
    converted = table(content({"step": "csv-to-parquet", "block_bytes": 1024, "schema": ["id:string"]}, data))
    assert converted["id"][-1].as_py() == "007"


def test_declared_types_are_used():
    data = b"a,b,c,d\n1,2.50,2026-11-21T10:00:00Z,x\n,,,\n"
    how = {"step": "csv-to-parquet", "schema": ["a:int32", "b:decimal(10;2)", "c:timestamp", "d:string"]}
    assert table(content(how, data)).to_pylist() == [
        {"a": 1, "b": Decimal("2.50"), "c": dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC), "d": "x"},
        {"a": None, "b": None, "c": None, "d": None},
    ]


def test_equal_inputs_give_equal_files_for_all_chunk_sizes():
    data = b"a,b\n" + b"".join(b"%d,x%d\n" % (i, i) for i in range(5000))
    assert content("csv-to-parquet", data, chunk=100) == content("csv-to-parquet", data, chunk=99_999)


@pytest.mark.parametrize(
    ("step", "data", "reason"),
    [
        ("csv-to-jsonl", b"a,b\n1\n", Reason.MALFORMED),
        ("csv-to-jsonl", b"a,b\n1,2,3\n", Reason.MALFORMED),
        ("csv-to-jsonl", b'a,b\n1,"x', Reason.MALFORMED),
        ("csv-to-jsonl", b'a,b\n1,"x"y\n', Reason.MALFORMED),
        ("csv-to-jsonl", b"a,a\n1,2\n", Reason.MALFORMED),
        ("csv-to-jsonl", b"a,b\n1,\xe4\n", Reason.NOT_TEXT),
        ("csv-to-jsonl", b"a\n" + b"x" * (9 << 20), Reason.TOO_LARGE),
        ("csv-to-jsonl", b'a\n"' + b"xxxxxxx\n" * 100_000, Reason.MALFORMED),
        ("csv-to-parquet", b"a,b\n1\n", Reason.MALFORMED),
        ("csv-to-parquet", b"a,a\n1,2\n", Reason.MALFORMED),
        ("csv-to-parquet", b'"a', Reason.MALFORMED),
        ("csv-to-parquet", b"", Reason.MALFORMED),
        ("csv-to-parquet", b"a,b\n1,\xe4\n", Reason.NOT_TEXT),
        ("csv-to-parquet", b"x" * (9 << 20), Reason.TOO_LARGE),
        ("csv-to-parquet", b"a\n" + b"x" * (20 << 20), Reason.TOO_LARGE),
        ("jsonl-to-csv", b'{"a":1}\n[1]\n', Reason.MALFORMED),
        ("jsonl-to-csv", b'{"a":1}\n{"a":\n', Reason.MALFORMED),
        ("jsonl-to-csv", b'{"a":1}\n{"a":1,"b":2}\n', Reason.UNSUPPORTED),
        ("jsonl-to-csv", b'{"a":"' + b"x" * (9 << 20), Reason.TOO_LARGE),
        ("jsonl-to-parquet", b'{"a":1}\n{"a":"x"}\n', Reason.UNSUPPORTED),
        ("jsonl-to-parquet", b'{"a":' + b"9" * 30 + b"}\n", Reason.UNSUPPORTED),
        ("jsonl-to-parquet", b'{"a":{}}\n', Reason.UNSUPPORTED),
        ("jsonl-to-parquet", b"", Reason.MALFORMED),
        ("json-to-parquet", b"[1]", Reason.MALFORMED),
        ("json-to-parquet", b"[", Reason.MALFORMED),
        ("parquet-to-jsonl", b"junk", Reason.MALFORMED),
        ("parquet-to-csv", b"PAR1" + b"\0" * 100 + b"PAR1", Reason.MALFORMED),
    ],
)
def test_bad_tables_are_rejected_with_a_reason(step, data, reason):
    assert rejection(step, data, chunk=1 << 16).reason is reason


def test_jsonl_to_parquet_keeps_json_s_types():
    rows = [
        {"id": 1, "name": "x", "score": 1.5, "ok": True, "tags": ["a"], "who": {"n": "y", "at": "2026-11-21 10:00:00"}},
        {"id": 2, "name": None, "score": 2, "ok": False, "tags": [], "who": None},
        {"id": 3},
    ]
    data = "\n".join(json.dumps(row) for row in rows).encode()
    converted = table(content("jsonl-to-parquet", data, chunk=5))
    assert converted.to_pylist() == [
        rows[0],
        {**rows[1], "score": 2.0},
        {"id": 3, "name": None, "score": None, "ok": None, "tags": None, "who": None},
    ]


def test_a_member_missing_in_the_first_batch_is_rejected():
    late_member = b'{"a":1}\n' * 3 + b'{"a":1,"b":2}\n'
    assert rejection({"step": "jsonl-to-parquet", "batch_rows": 2}, late_member).reason is Reason.UNSUPPORTED
    nested = b'{"a":{"x":1}}\n' * 3 + b'{"a":{"x":1,"y":2}}\n'
    assert "a.y" in rejection({"step": "jsonl-to-parquet", "batch_rows": 2}, nested).message
    converted = table(content({"step": "jsonl-to-parquet", "batch_rows": 2, "schema": ["a:json"]}, nested))
    assert json.loads(converted["a"][-1].as_py()) == {"x": 1, "y": 2}


def test_parquet_to_jsonl_converts_every_type():
    rows = {
        "i": pa.array([1, None]),
        "s": pa.array(["ä\n", ""]),
        "b": pa.array([b"\x00\xff", None]),
        "d": pa.array([Decimal("1.10"), None]),
        "day": pa.array([dt.date(2026, 11, 21), None]),
        "us": pa.array([dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
        "ns": pa.array([1_795_255_200_000_000_001, None], pa.int64()).cast(pa.timestamp("ns", "UTC")),
        "l": pa.array([[1, 2], []]),
        "o": pa.array([{"x": None}, None]),
    }
    out = io.BytesIO()
    pq.write_table(pa.table(rows), out)
    lines = [json.loads(line) for line in content("parquet-to-jsonl", out.getvalue()).splitlines()]
    assert lines == [
        {
            "i": 1,
            "s": "ä\n",
            "b": "AP8=",
            "d": "1.10",
            "day": "2026-11-21",
            "us": "2026-11-21T10:00:00Z",
            "ns": "2026-11-21T10:00:00.000000001Z",
            "l": [1, 2],
            "o": {"x": None},
        },
        {"i": None, "s": "", "b": None, "d": None, "day": None, "us": None, "ns": None, "l": [], "o": None},
    ]
    rows_of_csv = list(csv.reader(io.StringIO(content("parquet-to-csv", out.getvalue()).decode(), newline="")))
    assert rows_of_csv[0] == list(rows)
    assert rows_of_csv[1] == [
        "1",
        "ä\n",
        "AP8=",
        "1.10",
        "2026-11-21",
        "2026-11-21 10:00:00.000000Z",
        "2026-11-21T10:00:00.000000001Z",
        "[1,2]",
        '{"x":null}',
    ]


def test_csv_to_parquet_to_csv_distinguishes_null_and_empty():
    data = b'"a","b"\n"x",\n"y",""\n'
    assert content(["csv-to-parquet", "parquet-to-csv"], data) == data


def test_columns_can_be_chosen_and_ordered():
    parquet = content("csv-to-parquet", b"a,b,c\n1,2,3\n")
    assert content({"step": "parquet-to-jsonl", "columns": ["c", "a"]}, parquet) == b'{"c":3,"a":1}\n'
    assert content({"step": "parquet-to-csv", "columns": ["c", "a"], "header": False}, parquet) == b"3,1\n"
    assert rejection({"step": "parquet-to-csv", "columns": ["z"]}, parquet).reason is Reason.MALFORMED


def test_an_empty_table_keeps_its_columns():
    parquet = content("csv-to-parquet", b"a,b\n")
    assert table(parquet).column_names == ["a", "b"]
    assert content("parquet-to-jsonl", parquet) == b""
    assert content("parquet-to-csv", parquet) == b'"a","b"\n'


def test_csv_options_are_applied():
    assert content({"step": "csv-to-jsonl", "types": "json", "null": ""}, b"a,b,c,d\n1,007,,true\n") == (
        b'{"a":1,"b":"007","c":null,"d":true}\n'
    )
    assert (
        content({"step": "csv-to-jsonl", "delimiter": "tab", "columns": ["x", "y"]}, b"1\t2\n")
        == b'{"x":"1","y":"2"}\n'
    )
    assert content({"step": "csv-to-jsonl", "encoding": "utf-16"}, "a\nä\n".encode("utf-16")) == '{"a":"ä"}\n'.encode()
    assert content({"step": "csv-to-jsonl", "ragged": "fill"}, b"a,b\n1\n") == b'{"a":"1","b":""}\n'
    assert content("csv-to-jsonl", b"\xef\xbb\xbfa\n1\n") == b'{"a":"1"}\n'
    assert content(
        {"step": "jsonl-to-csv", "columns": ["b", "a"], "extra": "drop", "null": "-"}, b'{"a":1,"z":2}\n'
    ) == (b"b,a\r\n-,1\r\n")
    assert outputs("jsonl-to-csv", b"", name="e.jsonl") == [("e.csv", b"")]


def test_numbers_beyond_64_bits_are_kept():
    line = b'{"n":123456789012345678901234567890}\n'
    assert content({"step": "project", "expression": "@"}, line) == line
