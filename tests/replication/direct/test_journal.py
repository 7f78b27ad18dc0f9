"""What a seed writes down survives: cut off at any byte, damaged, or read by two at once."""

import json
import random
import zlib
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replication.direct.shapes import row
from windlass.core.errors import Conflict, WindlassError
from windlass.replication.direct.copying.journal import Journal
from windlass.replication.direct.listing.ranges import Range


def filled(folder):
    with Journal(folder) as journal:
        journal.begin([Range(0, "", None)])
        journal.split(0, 1, "m")
        first = journal.block(0, "b", [row("a", 10), row("b", 20)], skipped=3)
        second = journal.block(1, "z\udc80", [row("n \n+%é😀", 1), row("z\udc80", 2)], skipped=0)
        journal.range_done(1)
        block = journal.open(first)
        journal.mark(block, 1)
        whole = journal.open(second)
        journal.mark(whole, 0)
        journal.mark(whole, 1)
    return first, second


def test_what_was_written_is_read(tmp_path):
    first, second = filled(tmp_path / "j")
    with Journal(tmp_path / "j") as journal:
        ledger = journal.ledger
        assert [(entry.number, entry.after, entry.upto) for entry in ledger.ranges] == [(0, "b", "m")]
        assert not ledger.listed
        assert not ledger.new
        assert (ledger.total, ledger.total_bytes, ledger.skipped) == (4, 33, 3)
        assert (ledger.copied, ledger.copied_bytes) == (3, 23)
        assert list(ledger.blocks) == [first]
        block = journal.open(first)
        assert block.doubtful
        assert [row.key for at, row in enumerate(block.rows) if not block.done >> at & 1] == ["a"]
        assert journal.block(0, "c", [row("c")], skipped=0) == second + 1


def test_keys_that_are_no_utf8_come_back(tmp_path):
    filled(tmp_path / "j")
    with Journal(tmp_path / "j") as journal:
        number = journal.block(0, "c", [row("z\udc80"), row("\x00\n")], skipped=0)
        assert [entry.key for entry in journal.open(number).rows] == ["z\udc80", "\x00\n"]


@pytest.mark.parametrize(
    "packed", [zlib.compress, lambda text: zlib.compress(json.dumps(json.loads(text)).encode(), 1)]
)
def test_rows_that_an_earlier_windlass_packed_are_read(tmp_path, packed):
    keys = ["a", "n \n+%é😀"]
    with Journal(tmp_path / "j") as journal:
        journal._small = SimpleNamespace(compress=packed)
        number = journal.block(0, keys[-1], [row(key, 2**40) for key in keys], skipped=0)
    with Journal(tmp_path / "j") as journal:
        block = journal.open(number)
        assert (block.rows, block.left) == ([row(key, 2**40) for key in keys], 2)


@pytest.mark.parametrize("name", ["plan", "done"])
def test_a_record_cut_off_at_any_byte_has_less_data_and_never_more(tmp_path, name):
    filled(tmp_path / "whole")
    data = (tmp_path / "whole" / name).read_bytes()
    other = "done" if name == "plan" else "plan"
    copied, whole = [], {"a", "b", "n \n+%é😀", "z\udc80"}
    for length in range(len(data) + 1):
        folder = tmp_path / f"cut{length}"
        folder.mkdir()
        (folder / name).write_bytes(data[:length])
        (folder / other).write_bytes((tmp_path / "whole" / other).read_bytes())
        with Journal(folder) as journal:
            copied.append(journal.ledger.copied)
            for number in list(journal.ledger.blocks):
                assert {entry.key for entry in journal.open(number).rows} <= whole
            journal.block(0, "c", [row("c")], skipped=0)  # and is written on
        with Journal(folder) as journal:
            assert any(journal.open(number).rows[-1].key == "c" for number in journal.ledger.blocks)
    assert copied == sorted(copied) or name == "plan"


@given(st.integers(0, 10**6), st.integers(0, 7))
def test_a_flipped_bit_is_never_taken_for_a_row(tmp_path_factory, at, bit):
    folder = tmp_path_factory.mktemp("flip") / "j"
    filled(folder)
    data = bytearray((folder / "plan").read_bytes())
    data[at % len(data)] ^= 1 << bit
    (folder / "plan").write_bytes(data)
    keys = {"a", "b", "n \n+%é😀", "z\udc80"}
    with Journal(folder) as journal:
        for number in journal.ledger.blocks:
            assert {entry.key for entry in journal.open(number).rows} <= keys


def test_a_block_damaged_far_back_is_reported_when_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("windlass.replication.direct.copying.journal_records._TAIL_BYTES", -1)
    first, _ = filled(tmp_path / "j")
    data = bytearray((tmp_path / "j" / "plan").read_bytes())
    with Journal(tmp_path / "j") as journal:
        offset = journal.ledger.blocks[first]
    data[offset + 70] ^= 1
    (tmp_path / "j" / "plan").write_bytes(data)
    with pytest.raises(WindlassError, match="damaged"), Journal(tmp_path / "j") as journal:
        journal.open(first)


def test_a_description_damaged_far_back_is_reported_when_the_journal_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr("windlass.replication.direct.copying.journal_records._TAIL_BYTES", -1)
    first, _ = filled(tmp_path / "j")
    with Journal(tmp_path / "j") as journal:
        offset = journal.ledger.blocks[first]
    whole = (tmp_path / "j" / "plan").read_bytes()
    for at in range(offset + 9, offset + 25):
        (tmp_path / "j" / "plan").write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(WindlassError, match="damaged"):
            Journal(tmp_path / "j")


def test_the_last_block_is_checked_when_opened_however_large_it_is(tmp_path, monkeypatch):
    """Its first bytes are farther back than what may not have reached the disk; its last are not."""
    monkeypatch.setattr("windlass.replication.direct.copying.journal_records._TAIL_BYTES", 100)
    with Journal(tmp_path / "j") as journal:
        journal.begin([Range(0, "", None)])
        draw = random.Random(1)
        journal.block(0, "x", [row(f"{draw.getrandbits(256):x}") for _ in range(1000)], skipped=0)
    data = bytearray((tmp_path / "j" / "plan").read_bytes())
    assert len(data) > 1000
    data[-1] ^= 1  # a page of zeros, or of an earlier file, as after a power cut
    (tmp_path / "j" / "plan").write_bytes(data)
    with Journal(tmp_path / "j") as journal:
        assert journal.ledger.blocks == {}
        assert journal.ledger.ranges[0].after == "", "it is listed again"


def test_two_processes_do_not_share_one(tmp_path):
    with Journal(tmp_path / "j"), pytest.raises(Conflict, match="another process"):
        Journal(tmp_path / "j")
    Journal(tmp_path / "j").close()


def test_a_large_journal_is_opened_without_reading_its_rows(tmp_path):
    draw = random.Random(1)
    with Journal(tmp_path / "j") as journal:
        journal.begin([Range(0, "", None)])
        for at in range(300):
            journal.block(0, f"{at:05}", [row(f"{at:05}/{draw.getrandbits(256):x}") for _ in range(1000)], skipped=0)
    with Journal(tmp_path / "j") as journal:
        assert journal.ledger.total == 300_000
        assert len(journal.ledger.blocks) == 300
        journal.forget()
    assert not (tmp_path / "j").exists()
