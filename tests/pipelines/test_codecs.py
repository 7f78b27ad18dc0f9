"""Compression and archives, against the standard library, and hostile inputs."""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from importlib.util import find_spec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.pipelines.transforming import content, outputs, outputs_or_rejection, rejection
from windlass.pipelines.model import Reason

HAS_ZSTD = pytest.mark.skipif(find_spec("zstandard") is None, reason="zstandard is not installed")
PAIRS = [
    ("gzip", "gunzip", gzip.decompress, gzip.compress),
    ("bzip2", "bunzip2", bz2.decompress, bz2.compress),
    ("xz", "unxz", lzma.decompress, lzma.compress),
]


@pytest.mark.parametrize(("forth", "back", "reads", "writes"), PAIRS)
@given(data=st.binary(max_size=3000), chunk=st.sampled_from([1, 10, 4096]))
@settings(max_examples=examples(25), deadline=None)
def test_codecs_are_compatible_with_the_standard_library(forth, back, reads, writes, data, chunk):
    compressed = content(forth, data, chunk=chunk)
    assert reads(compressed) == data
    assert content(back, compressed, chunk=chunk) == data
    assert content(back, writes(data) + writes(b"more"), chunk=chunk) == data + b"more"
    assert content([forth, back], data, chunk=chunk) == data


@HAS_ZSTD
@given(data=st.binary(max_size=3000), chunk=st.sampled_from([1, 10, 4096]))
@settings(max_examples=examples(25), deadline=None)
def test_zstd_round_trip(data, chunk):
    import zstandard

    compressed = content("zstd", data, chunk=chunk)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(compressed) == data
    assert content("unzstd", compressed + zstandard.compress(b"more"), chunk=chunk) == data + b"more"


@HAS_ZSTD
@pytest.mark.parametrize("extra_bytes", [-1, 0, 1, 9 << 20])
def test_zstd_of_large_content_is_complete_and_deterministic(extra_bytes):
    import zstandard

    block = random.Random(9).randbytes(1 << 20)
    data = (block * 16)[: (4 << 20) + extra_bytes]
    compressed = content("zstd", data, chunk=65_537)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(compressed) == data
    assert content("zstd", data, chunk=1 << 20) == compressed


def test_gzip_is_deterministic():
    assert content("gzip", b"abc" * 100, chunk=1) == content("gzip", b"abc" * 100, chunk=300)
    assert content("gzip", b"abc")[4:8] == b"\0\0\0\0"  # no time


BACKS = [("gunzip", gzip.compress), ("bunzip2", bz2.compress), ("unxz", lzma.compress)]
if find_spec("zstandard"):
    import zstandard

    BACKS.append(("unzstd", zstandard.ZstdCompressor(write_checksum=True).compress))
DATA = random.Random(7).randbytes(20_000) + b"text " * 2_000


@pytest.mark.parametrize(("back", "writes"), BACKS)
def test_damaged_input_is_rejected(back, writes):
    whole = writes(DATA)
    for cut in (1, 5, 11, len(whole) // 2, len(whole) - 1):
        assert rejection(back, whole[:-cut], chunk=777).reason in (Reason.TRUNCATED, Reason.MALFORMED)
    assert rejection(back, b"").reason is Reason.TRUNCATED
    assert rejection(back, b"this is plain text, not compressed").reason is Reason.MALFORMED
    assert rejection(back, whole + b"junk behind it").reason in (Reason.MALFORMED, Reason.TRUNCATED)
    middle = len(whole) // 2
    assert (
        rejection(back, whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]).reason is Reason.MALFORMED
    )


@pytest.mark.parametrize(("back", "writes"), BACKS)
def test_bombs_are_rejected_before_they_are_expanded(back, writes):
    bomb = writes(b"\0" * (64 << 20))
    assert rejection(back, bomb, chunk=1 << 20).reason is Reason.BOMB
    assert rejection({"step": back, "max_bytes": "1MiB", "max_ratio": 1e9}, bomb).reason is Reason.BOMB


def test_gzip_with_zero_padding_is_expanded():
    assert content("gunzip", gzip.compress(b"x") + b"\0" * 512, chunk=3) == b"x"


def zipped(*members, **how):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **how) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def tarred(*members, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for member in members:
            header = tarfile.TarInfo(member[0])
            for name, value in (member[2] if len(member) > 2 else {}).items():
                setattr(header, name, value)
            header.size = len(member[1])
            archive.addfile(header, io.BytesIO(member[1]))
    return out.getvalue()


MEMBERS = [("a.txt", b"A" * 10), ("dir/b.bin", bytes(range(256)) * 20), ("dir/sub/ü.txt", b"")]


@pytest.mark.parametrize("chunk", [1, 500, 10_000])
def test_unzip_makes_each_file_an_object(chunk):
    assert outputs("unzip", zipped(*MEMBERS, ("empty/", b"")), chunk=chunk) == MEMBERS


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("chunk", [1, 500, 10_000])
def test_untar_makes_each_file_an_object(mode, chunk):
    assert outputs("untar", tarred(*MEMBERS, mode=mode), chunk=chunk) == MEMBERS


def test_archive_members_pass_through_the_later_steps():
    data = tarred(("x/1.yaml", b"a: 1"), ("x/2.yaml", b"b: 2"))
    assert outputs(["untar", "yaml-to-json", "gzip", "gunzip"], data) == [
        ("x/1.json", b'{"a":1}\n'),
        ("x/2.json", b'{"b":2}\n'),
    ]


EVIL = ["../x", "/etc/passwd", "a/../../x", "..", "C:/x", "a\\..\\x", "\\\\host\\x", "a\nb", "./../x"]


@pytest.mark.parametrize("name", EVIL)
def test_names_outside_the_archives_folder_are_rejected(name):
    assert rejection("untar", tarred((name, b"x"))).reason is Reason.UNSAFE_NAME
    assert rejection("unzip", zipped((name, b"x"))).reason is Reason.UNSAFE_NAME


def test_links_and_devices_are_rejected():
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        assert (
            rejection("untar", tarred(("x", b"", {"type": kind, "linkname": "/etc/passwd"}))).reason
            is Reason.UNSAFE_NAME
        )
    link = zipfile.ZipInfo("x")
    link.external_attr = 0o120777 << 16
    assert rejection("unzip", zipped((link, b"/etc/passwd"))).reason is Reason.UNSAFE_NAME


def test_archive_bombs_are_rejected():
    zeros = b"\0" * (64 << 20)
    assert rejection("unzip", zipped(("x", zeros))).reason is Reason.BOMB
    assert rejection("untar", tarred(("x", zeros), mode="w:gz"), chunk=1 << 16).reason is Reason.BOMB
    many = zipped(*((str(index), b"") for index in range(30)))
    assert rejection({"step": "unzip", "max_members": 20}, many).reason is Reason.BOMB
    many = tarred(*((str(index), b"") for index in range(30)))
    assert rejection({"step": "untar", "max_members": 20}, many).reason is Reason.BOMB


def test_overlapping_files_count_by_their_expanded_size():
    """Fifield's zip bomb: many index entries point to one compressed kernel."""
    kernel = zlib.compress(b"\0" * (8 << 20), 9)[2:-4]
    crc = zlib.crc32(b"\0" * (8 << 20))
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(kernel), 8 << 20, 1, 0) + b"x" + kernel
    index = b""
    for number in range(200):
        name = b"x" if number == 0 else b"%d" % number
        index += (
            struct.pack(
                "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(kernel), 8 << 20, len(name), 0, 0, 0, 0, 0, 0
            )
            + name
        )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 200, 200, len(index), len(local), 0)
    assert rejection("unzip", local + index + end).reason in (Reason.BOMB, Reason.MALFORMED)


def test_a_huge_index_is_not_read():
    data = zipped(("x", b"x"))
    at = data.rfind(b"PK\5\6")
    lie = data[: at + 12] + struct.pack("<L", 1 << 31) + data[at + 16 :]
    assert rejection("unzip", lie).reason is Reason.BOMB


def test_a_huge_tar_header_is_not_read():
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 1 << 40
    assert rejection("untar", header.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096).reason is Reason.BOMB


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_truncated_tar_is_rejected(mode):
    whole = tarred(("a", b"A" * 1000), ("b", b"B" * 1000), mode=mode)
    for cut in range(1, 1536 * 2, 97):
        if cut < len(whole):
            assert rejection("untar", whole[:cut]).reason in (Reason.TRUNCATED, Reason.MALFORMED), cut
    plain = tarred(("a", b"A" * 1000), ("b", b"B" * 1000))
    assert rejection("untar", plain[:1536]).reason is Reason.TRUNCATED  # exactly between two files
    assert rejection("untar", b"").reason in (Reason.TRUNCATED, Reason.MALFORMED)
    assert rejection("untar", b"just text " * 200).reason is Reason.MALFORMED


def test_damaged_zips_are_rejected():
    whole = zipped(("a", b"A" * 5000), ("b", random.Random(1).randbytes(5000)))
    for cut in (1, 30, len(whole) // 2):
        assert rejection("unzip", whole[:-cut]).reason is Reason.MALFORMED
    hurt = whole[:200] + b"\xff\xff\xff" + whole[203:]
    assert rejection("unzip", hurt).reason is Reason.MALFORMED
    locked = bytearray(zipped(("a", b"x")))
    locked[6] |= 1
    locked[locked.rfind(b"PK\1\2") + 8] |= 1
    assert rejection("unzip", bytes(locked)).reason is Reason.UNSUPPORTED
    assert rejection("unzip", b"").reason is Reason.MALFORMED


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_rejected():
    assert rejection("unzip", zipped(("a", b"1"), ("a", b"2"))).reason is Reason.MALFORMED
    assert rejection("untar", tarred(("a", b"1"), ("a", b"2"))).reason is Reason.MALFORMED


@given(st.binary(max_size=300), st.sampled_from(["gunzip", "bunzip2", "unxz", "unzip", "untar"]))
@settings(max_examples=examples(300), deadline=None)
def test_any_input_is_expanded_or_rejected(data, step):
    for begin in (b"", b"\x1f\x8b\x08\0", b"BZh9", b"\xfd7zXZ\0", b"PK\3\4", b"PK\5\6"):
        outputs_or_rejection(step, begin + data)
