"""Conversions of any content, against the libraries' own readers."""

import csv
import datetime as dt
import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from tests.examples import examples
from tests.pipelines.transforming import content

texts = st.text(st.characters(codec="utf-8"), max_size=20)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(documents, st.booleans(), st.sampled_from([1, 7, 4096]))
@settings(max_examples=examples(150), deadline=None)
def test_yaml_to_json_to_yaml_keeps_the_document(document, flow, chunk):
    data = yaml.dump(document, Dumper=yaml.CSafeDumper, default_flow_style=flow, allow_unicode=True).encode()
    converted = content(["yaml-to-json", "json-to-yaml"], data, chunk=chunk)
    assert yaml.safe_load(converted) == yaml.safe_load(data) == document
    assert json.loads(content("yaml-to-json", data)) == document


# One strategy per type: the value, and its notation in CSV
whole = st.integers(-(2**63), 2**63 - 1).map(lambda value: (value, str(value)))
double = (
    st.floats(allow_nan=False, allow_infinity=False, width=32)
    .map(lambda value: (float(f"{value:.6f}"), f"{value:.6f}"))
    .filter(lambda pair: len(pair[1]) < 15)
)
flag = st.booleans().map(lambda value: (value, str(value).lower()))
day = st.dates().map(lambda value: (value, value.isoformat()))
utc = st.datetimes(min_value=dt.datetime(1900, 1, 1)).map(
    lambda value: (value.replace(tzinfo=dt.UTC), f"{value.isoformat()}Z")
)
local = st.datetimes(min_value=dt.datetime(1900, 1, 1)).map(lambda value: (value, value.isoformat(" ")))
word = texts.filter(lambda value: "\x00" not in value).map(lambda value: (value, '"' + value.replace('"', '""') + '"'))
TYPES = {
    "whole": (whole, "int64"),
    "double": (double, "double"),
    "flag": (flag, "bool"),
    "day": (day, "date"),
    "utc": (utc, "timestamp"),
    "local": (local, "timestamp-local"),
    "word": (word, "string"),
}


@st.composite
def tables(draw):
    """Generate typed columns, each cell a value or null: (kinds, names, rows of values, the CSV)."""
    kinds = draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=5))
    names = [f"{kind} {at}" for at, kind in enumerate(kinds)]
    cell = st.none().map(lambda _: (None, ""))
    rows = draw(st.lists(st.tuples(*(TYPES[kind][0] | cell for kind in kinds)), min_size=1, max_size=8))
    rows = [row for row in rows if len(row) > 1 or row[0][1]]  # an empty line is no row
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join([",".join(names), *(",".join(field for _, field in row) for row in rows), ""])
    return kinds, names, [[value for value, _ in row] for row in rows], text.encode()


@given(tables(), st.sampled_from([1, 5, 4096]))
@settings(max_examples=examples(200), deadline=None)
def test_csv_to_parquet_keeps_rows_types_and_nulls(case, chunk):
    kinds, names, rows, data = case
    schema = [f"{name}:{TYPES[kind][1]}" for name, kind in zip(names, kinds, strict=True)]
    table = pq.read_table(io.BytesIO(content({"step": "csv-to-parquet", "schema": schema}, data, chunk=chunk)))
    assert table.column_names == names
    assert [list(row.values()) for row in table.to_pylist()] == rows

    # An inferred column has its type, unless all its values are null or also match another type.
    guessed = pq.read_table(io.BytesIO(content("csv-to-parquet", data, chunk=chunk)))
    for at, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        values = [row[at] for row in rows]
        if kind != "word" and guessed[name].type != pa.string():
            assert guessed[name].to_pylist() == values


@given(tables())
@settings(max_examples=examples(100), deadline=None)
def test_parquet_to_csv_reads_back_equal_in_arrow(case):
    kinds, names, _, data = case
    schema = [f"{name}:{TYPES[kind][1]}" for name, kind in zip(names, kinds, strict=True)]
    parquet = content({"step": "csv-to-parquet", "schema": schema}, data)
    table = pq.read_table(io.BytesIO(parquet))
    if table.num_rows == 0:
        return
    convert = arrow_csv.ConvertOptions(
        column_types=table.schema, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
    )
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    text = content("parquet-to-csv", parquet)
    reread = arrow_csv.read_csv(io.BytesIO(text), convert_options=convert, parse_options=parse)
    assert reread.to_pylist() == table.to_pylist()


records = st.lists(
    st.fixed_dictionaries(
        {
            "i": st.none() | st.integers(-(2**63), 2**63 - 1),
            "t": st.none() | texts,
            "b": st.none() | st.booleans(),
            "o": st.none() | st.fixed_dictionaries({"x": st.integers(-9, 9)}),
            "l": st.lists(st.integers(-9, 9), max_size=3),
        }
    ),
    min_size=1,
    max_size=8,
)


@given(records, st.sampled_from([1, 5, 4096]))
@settings(max_examples=examples(150), deadline=None)
def test_jsonl_to_parquet_to_jsonl_keeps_the_records(records, chunk):
    data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    parquet = content("jsonl-to-parquet", data, chunk=chunk)
    if all(any(record[name] is not None for record in records) for name in "ibo") and any(
        record["l"] for record in records
    ):
        assert pq.read_table(io.BytesIO(parquet)).to_pylist() == records
        assert [json.loads(line) for line in content("parquet-to-jsonl", parquet).splitlines()] == records


@given(st.lists(st.decimals(-(10**8), 10**8, places=2), min_size=1, max_size=8))
@settings(max_examples=examples(50), deadline=None)
def test_decimals_keep_every_digit(numbers):
    data = b"d\n" + b"".join(f"{number}\n".encode() for number in numbers)
    parquet = content({"step": "csv-to-parquet", "schema": ["d:decimal(12;2)"]}, data)
    assert pq.read_table(io.BytesIO(parquet))["d"].to_pylist() == [Decimal(str(number)) for number in numbers]
    rows = list(csv.reader(io.StringIO(content("parquet-to-csv", parquet).decode(), newline="")))
    assert [Decimal(row[0]) for row in rows[1:]] == numbers
