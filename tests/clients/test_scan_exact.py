"""The engine against the plain oracle, whatever the JSON and gzip look like."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.clients.logs import fuzzed_file, fuzzed_record, record, write
from tests.clients.oracle import tell
from tests.examples import examples
from windlass.clients.scan import records as reading
from windlass.clients.scan.aggregator import FileTotals, RecordAggregator
from windlass.clients.scan.decompression import Unreadable
from windlass.clients.scan.record_splitter import Splitter
from windlass.clients.scan.worker import LogFile, ScanRules, ScanWorker


def told(totals: FileTotals) -> Counter[tuple[str, str, str, str]]:
    found: Counter[tuple[str, str, str, str]] = Counter()
    for (agent, signature, tls, day, _), number in totals.counts.items():
        found[agent, signature, tls, day] += number
    return found


def compare(rng: random.Random, files: int, size: int) -> int:
    """How many records were compared."""
    folder = RecordAggregator(("all",))
    seen = 0
    for _ in range(files):
        raw = fuzzed_file(rng, size)
        expected = tell(raw)
        assert expected is not None
        fast = folder.add(reading.read_records(raw))
        assert told(fast) == expected
        seen += fast.records
    return seen


def test_fuzzed_records_equal_the_oracle():
    assert compare(random.Random(7), files=100, size=100) >= 10_000


def compare_many(rng: random.Random, records: int, *, pool: int, size: int = 1000) -> None:
    """Files composed at random from a pool of fuzzed records, each written in several styles."""
    pools = []
    for odd in (0.0, 0.0, 0.0, 0.02):
        texts = []
        for _ in range(pool):
            one = json.dumps(
                fuzzed_record(rng, odd=odd), ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, None, 1])
            )
            texts.append(one.encode())
        pools.append(texts + [text.replace(b"SigV2", b"\\u0053igV2") for text in texts[::9]])
    folder = RecordAggregator(("all",))
    for _ in range(records // size):
        raw = b'{"Records": [' + rng.choice([b",", b",\n\t"]).join(rng.choices(rng.choice(pools), k=size)) + b"]}"
        assert told(folder.add(reading.read_records(raw))) == tell(raw)


def test_a_hundred_thousand_fuzzed_records_equal_the_oracle():
    compare_many(random.Random(11), examples(100_000), pool=examples(1500))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_million_fuzzed_records_equal_the_oracle():
    compare_many(random.Random(13), 10_000_000, pool=10_000)


def test_the_tolerant_reader_and_the_fast_one_fold_to_the_same():
    rng = random.Random(3)
    for _ in range(60):
        raw = fuzzed_file(rng, 40)
        fast, slow = (
            RecordAggregator(("all",)).add(reading.read_records(raw)),
            RecordAggregator(("all",)).add(reading.read_tolerantly(raw)),
        )
        assert (fast.counts, fast.uses, fast.records) == (slow.counts, slow.uses, slow.records)


def test_without_the_wheels_the_answers_are_the_same(monkeypatch, tmp_path):
    raw = fuzzed_file(random.Random(5), 200)
    file = write(tmp_path / "a.json.gz", raw, members=3)
    with_wheels = _read(file)
    monkeypatch.setattr("windlass.clients.scan.decompression.isal_zlib", None)
    monkeypatch.setattr(reading, "msgspec", None)
    without = _read(file)
    assert with_wheels == without
    assert without.totals.requests > 0


def _read(path: Path, rules: tuple[str, ...] = ("all",)):
    return ScanWorker(ScanRules(rules)).read(LogFile(str(path), "", path.stat().st_size, str(path)))


@pytest.mark.parametrize("members", [1, 2, 7])
def test_members_of_a_gzip_are_one_file(tmp_path, members):
    raw = fuzzed_file(random.Random(members), 50)
    read = _read(write(tmp_path / "a.json.gz", raw, members=members))
    assert (read.file.problem, told(read.totals)) == ("", tell(raw))


def test_zeros_after_the_gzip_are_padding_and_anything_else_is_damage(tmp_path):
    path = write(tmp_path / "a.json.gz", json.dumps({"Records": [record()]}).encode())
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 512)
    assert _read(path).file.problem == ""
    path.write_bytes(whole + b"more")
    assert "other data follows" in _read(path).file.problem


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "empty file"),
        (b"not json", "not JSON"),
        (b'{"Records": [', "not JSON"),
        (b"[1, 2]", "no events"),
        (b'{"configurationItems": []}', "no Records"),
        (b'{"Records": {"a": 1}}', "no Records"),
        (gzip.compress(b'{"Records": []}' * 3, mtime=0), "not JSON"),
        (gzip.compress(json.dumps({"Records": [record()] * 50}).encode(), mtime=0)[:-30], "truncated gzip"),
        (gzip.compress(b'{"Records": []}', mtime=0)[:15], "truncated gzip"),
        (b"\x1f\x8b\x08\x00garbage garbage garbage", "damaged gzip"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_broken_is_said_and_counts_nothing(tmp_path, raw, problem):
    path = tmp_path / "broken.json.gz"
    path.write_bytes(raw)
    read = _read(path)
    assert problem in read.file.problem
    assert (read.totals.counts, read.totals.uses, read.file.records) == ({}, {}, 0)


def test_a_flipped_bit_is_noticed_by_the_checksum(tmp_path):
    path = write(tmp_path / "a.json.gz", json.dumps({"Records": [record()] * 20}).encode())
    data = bytearray(path.read_bytes())
    data[-6] ^= 1
    path.write_bytes(bytes(data))
    assert _read(path).file.problem == "damaged gzip"


def test_files_too_large_to_hold_are_cut_into_records_and_come_to_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr("windlass.clients.scan.worker._AT_ONCE_BYTES", 4000)
    monkeypatch.setattr("windlass.clients.scan.worker._CHUNK_BYTES", 700)
    monkeypatch.setattr("windlass.clients.scan.decompression._PART_BYTES", 501)
    rng = random.Random(9)
    for number in range(25):
        raw = fuzzed_file(rng, 12)
        if raw.count(b'"first"'):
            continue
        name = f"{number}.json.gz" if number % 3 else f"{number}.json"
        read = _read(write(tmp_path / name, raw, members=1 + number % 2))
        assert (read.file.problem, told(read.totals)) == ("", tell(raw)), number
        assert read.file.raw_bytes == len(raw)


def test_a_record_too_large_is_left_out_named_and_the_others_count(monkeypatch, tmp_path):
    monkeypatch.setattr("windlass.clients.scan.worker._AT_ONCE_BYTES", 1000)
    monkeypatch.setattr("windlass.clients.scan.worker._SECTION_BYTES", 1000)
    monkeypatch.setattr("windlass.clients.scan.worker._RECORD_BYTES", 5000)
    huge = record(key="x" * 50_000)
    read = _read(write(tmp_path / "a.json.gz", json.dumps({"Records": [record(), huge, record()]}).encode()))
    assert read.file.problem == "1 record of more than 16 MiB left out"
    assert read.totals.requests == 2


@pytest.mark.parametrize("step", [1, 2, 3, 17])
def test_the_splitter_gives_the_same_records_however_the_file_is_cut(step):
    rng = random.Random(step)
    records = [fuzzed_record(rng) for _ in range(3)]
    raw = json.dumps(
        {"Other": [[{"Records": [{}]}]], "Re\\cords": "[{", "Records": records, "After": [{"a": "]}"}]}
    ).encode()
    splitter = Splitter(limit_bytes=10**6)
    found = [entry for at in range(0, len(raw), step) for entry in splitter.feed(raw[at : at + step])]
    splitter.finish()
    assert [json.loads(entry) for entry in found] == records


@pytest.mark.parametrize("raw", [b'{"Records":[{"a":1}', b'{"Records":[{"a":"', b'{"a":[]}', b"[]", b'{"Records":[]}]'])
def test_the_splitter_says_what_is_no_file_of_cloudtrails(raw):
    splitter = Splitter(limit_bytes=100)
    with pytest.raises(Unreadable):
        list(splitter.feed(raw))
        splitter.finish()


def test_the_word_sigv2_elsewhere_is_no_signature():
    tricky = [
        record(agent="SigV2", signature="SigV4", key='","SignatureVersion":"SigV2'),
        record(signature=None, SignatureVersion="SigV2", agent="curl/8"),
        record(signature="SigV4", responseElements={"additionalEventData": {"SignatureVersion": "SigV2"}}),
        record(source="sts.amazonaws.com"),
    ]
    totals = RecordAggregator(("sigv2",)).add(reading.read_records(json.dumps({"Records": tricky}).encode()))
    assert totals.uses == {}
    assert totals.requests == 3
