"""Manifests and completion reports: every key comes back as it was, whatever is in it and however the bytes are cut."""

import random
import unicodedata
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.replication.methods.batch.manifest import encode_rows, encode_versions, quote_key, read_rows
from windlass.replication.methods.batch.report import read_index, tally

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


def cut(data, sizes):
    """The bytes in chunks of these sizes, over and over."""
    at, turn = 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1


@given(st.lists(KEYS, min_size=1, max_size=30), st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_every_key_survives_the_manifest(keys, sizes):
    data = b"".join(encode_rows("logs", keys))
    assert data == b"".join(f"logs,{quote_plus(key, safe='/')}\n".encode() for key in keys)
    assert [(bucket, key) for bucket, key, _ in read_rows(cut(data, sizes))] == [("logs", key) for key in keys]


def test_versions_are_on_every_row():
    rows = [("a b+c%", "null"), ("ü/\n,\"'", "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY")]
    for asked in (rows, rows[:1]):
        data = b"".join(encode_versions("logs", asked))
        assert [(key, version) for _, key, version in read_rows([data])] == asked
    assert data == b"logs,a+b%2Bc%25,null\n"


def test_inventory_rows_with_quotes_are_read():
    assert list(read_rows([b'"logs","a%20b/c"\r\n"logs","d","v1"\n'])) == [("logs", "a b/c", ""), ("logs", "d", "v1")]


def fuzzed(count, seed=7):
    dice = random.Random(seed)
    hard = "%+ \n\r\t\"',;&<>=/\\#?*{}|^~`[]\x01é漢🚢\u202e" + "".join(map(chr, range(0x20, 0x7F)))
    for number in range(count):
        length = dice.randrange(0, 24)
        yield "".join(dice.choices(hard, k=length)) + f"/{number}"


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_fuzzed_keys_survive_manifest_and_report(count):
    """Through a manifest, a report in which every second task failed, and the retry manifest made of it."""
    read = (key for _, key, _ in read_rows(encode_rows("b", fuzzed(count))))
    for got, wanted in zip(read, fuzzed(count), strict=True):
        assert got == wanted

    def report():
        for number, key in enumerate(fuzzed(count)):
            if number % 2:
                yield f'b,{quote_key(key)},,failed,403,AccessDenied,"Access ""denied"",\n{number}"\n'.encode()
            else:
                yield f"b,{quote_key(key)},,succeeded,200,,Successful\n".encode()

    retry = []
    found = tally(cut(b"".join(report()), [70_001]), retry.append)
    assert (found.succeeded, found.failed) == (count // 2, count // 2)
    assert found.counts == {"AccessDenied": count // 2}
    assert found.messages["AccessDenied"] == 'Access "denied",\n1'
    wanted = (key for number, key in enumerate(fuzzed(count)) if number % 2)
    for (_, got, version), key in zip(read_rows(retry), wanted, strict=True):
        assert (got, version) == (key, "")


def test_a_report_says_why_and_names_examples():
    rows = (
        b"b,a%2Fx,v1,failed,DstPutObjectNotPermitted,403,No\n"
        b"b,b+c,v2,failed,403,AccessDenied,\n"
        b'"b","d,e","v3","failed","500","InternalError","we ""failed"""\n'
        b"b,f,v4,succeeded,200,,\n"
    )
    retry = []
    found = tally([rows], retry.append)
    assert found.counts == {"DstPutObjectNotPermitted": 1, "AccessDenied": 1, "InternalError": 1}
    by_code = {failure.code: failure for failure in found.failures()}
    assert by_code["AccessDenied"].keys == ("b c",)
    assert by_code["DstPutObjectNotPermitted"].keys == ("a/x",)
    assert list(read_rows(retry))[:2] == [("b", "a/x", "v1"), ("b", "b c", "v2")]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_a_report_is_read_alike_however_it_is_cut(sizes):
    rows = b"".join(
        f'b,{quote_key(key)},,failed,200,PermanentFailure,"{{""at"": {number},\n""x"": 1}}"\n'.encode()
        for number, key in enumerate(fuzzed(40))
    )
    found = tally(cut(rows, sizes))
    assert found.counts == {"PermanentFailure": 40}


def test_the_index_names_its_files():
    body = b'{"Format":"Report_CSV_20180820","Results":[{"TaskExecutionStatus":"failed","Bucket":"r","MD5Checksum":"m","Key":"k.csv"}]}'
    (one,) = read_index(body)
    assert (one.bucket, one.key, one.status, one.md5) == ("r", "k.csv", "failed", "m")


def test_normal_form_is_left_alone():
    """Two keys that look alike are two keys."""
    keys = [unicodedata.normalize(form, "Åé") for form in ("NFC", "NFD")]
    assert [key for _, key, _ in read_rows(encode_rows("b", keys))] == keys
