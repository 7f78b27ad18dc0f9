"""Lines, encodings, redaction, projection, digests, SQL, images, and users' own functions."""

import hashlib
import io
import json
import sys
import textwrap
from importlib.util import find_spec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.pipelines.transforming import content, outputs, rejection
from windlass.core.errors import ConfigError
from windlass.pipelines.chain import read_transform
from windlass.pipelines.model import Reason, Source
from windlass.pipelines.steps import STEPS
from windlass.pipelines.stream import lines, rechunk


@given(st.binary(max_size=200), st.integers(1, 20))
@settings(max_examples=examples(200), deadline=None)
def test_lines_are_complete_for_all_chunk_sizes(data, chunk):
    pieces = [data[start : start + chunk] for start in range(0, len(data), chunk)]
    assert list(lines(pieces, 1000)) == list(data.split(b"\n") and io.BytesIO(data))
    assert b"".join(rechunk(pieces, 7)) == data
    assert content("copy", data, chunk=chunk) == data
    assert content({"step": "line-filter", "drop": ["a"]}, data, chunk=chunk) == b"".join(
        line for line in io.BytesIO(data) if b"a" not in line
    )


def test_an_endless_line_is_rejected_early():
    requested = 0

    def endless():
        nonlocal requested
        while True:
            requested += 1
            yield b"x" * 65536

    assert rejection({"step": "line-filter", "max_line_bytes": "1MiB"}, endless()).reason is Reason.TOO_LARGE
    assert requested < 20


def test_line_filter_keeps_and_drops():
    data = b"# c\nkeep 1\nother\nkeep 2 # no\n"
    assert content({"step": "line-filter", "keep": ["^keep"], "drop": ["#"]}, data) == b"keep 1\n"


@given(
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-16-le"]),
    st.integers(1, 9),
)
@settings(max_examples=examples(150), deadline=None)
def test_encodings_round_trip(text, encoding, chunk):
    wide = content({"step": "text-encoding", "to": encoding}, text.encode(), chunk=chunk)
    assert wide.decode(encoding) == text.removeprefix("\ufeff")
    assert content({"step": "text-encoding", "from": encoding}, wide, chunk=chunk).decode() == text.removeprefix(
        "\ufeff"
    ).removeprefix("\ufeff")


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_line_ends_are_converted(chunk):
    data = b"a\r\nb\rc\nd\r"
    assert content({"step": "text-encoding", "line_ends": "lf"}, data, chunk=chunk) == b"a\nb\nc\nd\n"
    assert content({"step": "text-encoding", "line_ends": "crlf"}, data, chunk=chunk) == b"a\r\nb\r\nc\r\nd\r\n"


def test_invalid_text_is_rejected():
    rejected = rejection("text-encoding", b"abc\xe4def", chunk=2)
    assert rejected.reason is Reason.NOT_TEXT
    assert "byte 3" in rejected.message
    assert rejection("text-encoding", "ä".encode()[:1]).reason is Reason.NOT_TEXT
    assert rejection({"step": "text-encoding", "from": "utf-32"}, b"abc").reason is Reason.NOT_TEXT
    assert rejection({"step": "text-encoding", "to": "latin-1"}, "€".encode()).reason is Reason.UNSUPPORTED


def test_redaction_replaces_known_and_own_patterns():
    data = b"me@example.org from 10.1.2.3 (1.2.3.400) key AKIAIOSFODNN7EXAMPLE, card 4111 1111 1111 1111 id 42\n"
    patterns = ["email", "ipv4", "aws-key-id", "card"]
    assert content({"step": "redact", "known": patterns, "patterns": [r"id \d+"], "replacement": r"<\1>"}, data) == (
        rb"<\1> from <\1> (1.2.3.400) key <\1>, card <\1> <\1>" + b"\n"
    )


def test_projection_applies_jmespath():
    data = b'{"id":1,"u":{"n":"x"}}\n\n{"id":2}\n'
    assert content({"step": "project", "expression": "{i: id, n: u.n}"}, data) == b'{"i":1,"n":"x"}\n{"i":2,"n":null}\n'
    assert content({"step": "project", "expression": "u.n"}, data) == b'"x"\n'
    assert content({"step": "project", "expression": "u.n", "keep_null": True}, data) == b'"x"\nnull\n'
    assert content({"step": "project", "expression": "[].id", "input": "json"}, b'[{"id":1},{"id":2}]') == b"[1,2]\n"
    assert "line 2" in rejection({"step": "project", "expression": "@"}, b"{}\n{\n").message
    assert rejection({"step": "project", "expression": "length(id)"}, data).reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "md5", "sha1", "blake2b"])
def test_checksums_match_hashlib(algorithm):
    data = b"x" * 10_000
    digest = hashlib.new(algorithm, data).hexdigest()
    assert outputs({"step": "checksum", "algorithm": algorithm}, data, name="a.bin") == [
        (f"a.bin.{algorithm}", f"{digest}  a.bin\n".encode())
    ]
    document = json.loads(content({"step": "checksum", "algorithm": algorithm, "format": "json"}, data))
    assert (document["digest"], document["size_bytes"]) == (digest, 10_000)


def test_crc32_matches_zlib():
    assert content({"step": "checksum", "algorithm": "crc32"}, b"123456789", chunk=2) == b"cbf43926  a.bin\n"


@pytest.mark.skipif(find_spec("duckdb") is None, reason="duckdb is not installed")
class TestSql:
    DATA = b"country,n\nDE,1\nFR,2\nDE,3\n"
    QUERY = "SELECT country, sum(n)::INT AS n FROM input GROUP BY country ORDER BY country;"

    def test_a_query_over_csv(self):
        assert (
            content({"step": "sql", "query": self.QUERY}, self.DATA)
            == b'{"country":"DE","n":4}\n{"country":"FR","n":2}\n'
        )
        assert content({"step": "sql", "query": self.QUERY, "output": "csv"}, self.DATA) == b"country,n\nDE,4\nFR,2\n"

    def test_a_query_over_json_lines_and_parquet(self):
        line = b'{"a":1,"b":{"c":"x"}}\n'
        assert content({"step": "sql", "query": "SELECT b.c FROM input", "input": "jsonl"}, line) == b'{"c":"x"}\n'
        chain = [{"step": "sql", "query": "SELECT * FROM input", "output": "parquet"}]
        chain += [{"step": "sql", "query": "SELECT count(*) AS n FROM input", "input": "parquet"}]
        assert content(chain, self.DATA) == b'{"n":3}\n'

    @pytest.mark.parametrize(
        "query",
        [
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT * FROM read_text('/etc/hostname')",
            "SELECT * FROM glob('/etc/*')",
            "SELECT * FROM 'https://example.org/x.csv'",
            "SELECT getenv('HOME') FROM input",
        ],
    )
    def test_a_query_reads_nothing_but_its_input(self, query):
        assert rejection({"step": "sql", "query": query}, self.DATA).reason is Reason.MALFORMED

    @pytest.mark.parametrize(
        "query", ["DELETE FROM input", "SELECT 1; SELECT 2", "COPY input TO '/tmp/x'", "ATTACH 'x'", "", "SELEC"]
    )
    def test_only_a_single_select_is_accepted(self, query):
        with pytest.raises(ConfigError):
            read_transform({"step": "sql", "query": query})

    def test_bad_input_is_rejected(self):
        assert rejection({"step": "sql", "query": "SELECT nope FROM input"}, self.DATA).reason is Reason.MALFORMED
        assert (
            rejection({"step": "sql", "query": "SELECT 1 FROM input", "input": "parquet"}, b"junk").reason
            is Reason.MALFORMED
        )


@pytest.mark.skipif(find_spec("PIL") is None, reason="Pillow is not installed")
class TestThumbnail:
    def _image(self, size, mode="RGB", kind="PNG", **how):
        from PIL import Image

        out = io.BytesIO()
        Image.new(mode, size, 128).save(out, kind, **how)
        return out.getvalue()

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
    def test_a_thumbnail_fits_and_has_no_metadata(self, kind):
        from PIL import Image

        exif = Image.Exif()
        exif[0x010F] = "camera"
        how = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}
        ((name, image_bytes),) = outputs(
            {"step": "thumbnail", "width": 64, "height": 64}, self._image((640, 320), kind=kind, **how), name="p/x.PNG"
        )
        image = Image.open(io.BytesIO(image_bytes))
        assert (name, image.format, image.size, dict(image.getexif())) == ("p/x.jpg", "JPEG", (64, 32), {})

    def test_a_thumbnail_is_turned_upright(self):
        from PIL import Image

        exif = Image.Exif()
        exif[0x0112] = 6
        thumbnail = content("thumbnail", self._image((400, 200), kind="JPEG", exif=exif))
        assert Image.open(io.BytesIO(thumbnail)).size == (128, 256)

    def test_bombs_and_invalid_images_are_rejected(self):
        assert rejection("thumbnail", self._image((20_000, 20_000), mode="1")).reason is Reason.BOMB
        assert rejection("thumbnail", b"junk").reason is Reason.MALFORMED
        assert rejection("thumbnail", self._image((500, 500))[:80]).reason is Reason.MALFORMED


USER = '''
from collections.abc import Iterator
from windlass.pipelines import Output, Reason, Rejected, Source

def from_bytes(content: bytes) -> bytes:
    """Upper case.

    More."""
    return content.upper()

def from_text(content: str) -> str:
    return content[::-1]

def from_document(document: dict) -> dict:
    return {"n": len(document)}

def streaming(source: Source) -> Iterator[bytes]:
    for chunk in source.chunks:
        yield chunk.lower()

def lines_of_documents(source) -> Iterator[dict]:
    yield {"name": source.name}
    yield {"key": source.key}

def several(source: Source) -> Iterator[Output]:
    content = b"".join(source.chunks)
    for part in content.split(b","):
        yield Output(chunks=[part], name=part.decode())

def nothing(source: Source) -> None:
    return None

def refusing(content: bytes) -> bytes:
    raise Rejected(Reason.MALFORMED, "not today")

def faulty(content: bytes) -> bytes:
    raise ZeroDivisionError

def two(a, b): ...
def odd(a: float) -> bytes: ...
number = 5
'''


@pytest.fixture
def user(tmp_path, monkeypatch):
    (tmp_path / "my_transforms.py").write_text(textwrap.dedent(USER))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("my_transforms", None)


@pytest.mark.usefixtures("user")
def test_user_functions_of_every_form_run():
    assert content("my_transforms:from_bytes", b"abc", chunk=1) == b"ABC"
    assert content("my_transforms:from_text", "äb".encode()) == "bä".encode()
    assert content("my_transforms:from_document", b'{"a":1,"b":2}') == b'{"n":2}\n'
    assert content("my_transforms:streaming", b"ABC", chunk=1) == b"abc"
    assert content("my_transforms:lines_of_documents", b"", name="n", key="k") == b'{"name":"n"}\n{"key":"k"}\n'
    assert outputs("my_transforms:several", b"x,y") == [("x", b"x"), ("y", b"y")]
    assert outputs("my_transforms:nothing", b"x") == []
    assert content(["my_transforms:from_bytes", "gzip", "gunzip"], b"abc") == b"ABC"
    assert read_transform("my_transforms:from_bytes").steps[0].step.summary == "Upper case."
    assert read_transform("my_transforms:streaming").streams
    assert not read_transform("my_transforms:from_bytes").streams


@pytest.mark.usefixtures("user")
def test_bad_input_and_faults_are_distinguished():
    assert rejection("my_transforms:refusing", b"").reason is Reason.MALFORMED
    assert rejection("my_transforms:from_document", b"{").reason is Reason.MALFORMED
    assert rejection({"step": "my_transforms:from_bytes", "max_bytes": 2}, b"abc").reason is Reason.TOO_LARGE
    with pytest.raises(ZeroDivisionError):
        content("my_transforms:faulty", b"")


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    "value",
    [
        "no-such-step",
        "my_transforms:absent",
        "absent:f",
        "my_transforms:two",
        "my_transforms:odd",
        "my_transforms:number",
        [],
        {"level": 1},
        5,
        {"step": "gzip", "levl": 3},
        {"step": "gzip", "level": 10},
        {"step": "gzip", "level": "x"},
        {"step": "gunzip", "max_bytes": "lots"},
        {"step": "gunzip", "max_ratio": float("nan")},
        {"step": "project"},
        {"step": "project", "expression": "{"},
        {"step": "line-filter", "keep": ["("]},
        {"step": "line-filter", "keep": [1]},
        {"step": "csv-to-jsonl", "delimiter": "ab"},
        {"step": "csv-to-jsonl", "encoding": "no-such"},
        {"step": "csv-to-parquet", "schema": ["a:nope"]},
        {"step": "redact", "known": ["nope"]},
        {"step": "text-encoding", "from": "base64"},
        {"step": "yaml-to-json", "documents": "some"},
        {"step": "yaml-to-json", "indent": "maybe"},
    ],
)
def test_an_invalid_transform_is_a_config_error(value):
    with pytest.raises(ConfigError) as problem:
        read_transform(value)
    assert problem.value.hint


def test_the_nearest_name_is_suggested():
    with pytest.raises(ConfigError) as problem:
        read_transform("yaml-to-jsn")
    assert "yaml-to-json" in problem.value.hint
    with pytest.raises(ConfigError) as problem:
        read_transform({"step": "gzip", "levl": 3})
    assert "Did you mean level?" in problem.value.hint


def test_the_recipe_depends_on_steps_and_options():
    recipes = {
        read_transform(value).recipe for value in ("gzip", {"step": "gzip", "level": 1}, "copy", ["gzip", "copy"])
    }
    assert len(recipes) == 4
    assert read_transform("gzip").recipe == read_transform({"step": "gzip", "level": 6}).recipe


def test_every_step_has_help():
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names)
    for step in STEPS:
        assert step.summary.endswith((".", "…")), step.name
        for option in step.options:
            assert option.help.endswith("."), (step.name, option.name)
            assert option.name.isidentifier(), option.name
            if option.choices:
                assert option.default in option.choices
        if all(find_spec(module) for module in step.requires):
            needed = {option.name for option in step.options if option.required}
            assert needed <= step.example.keys(), step.name
            read_transform({"step": step.name, **step.example})


def test_closing_a_transform_closes_its_files(monkeypatch, tmp_path):
    """A consumer that stops early leaves no file behind."""
    import tempfile
    import zipfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("b", "2")
    running = read_transform(["unzip", "gzip"]).run(Source(chunks=[out.getvalue()], name="x.zip"))
    next(running)
    running.close()
    assert list(tmp_path.iterdir()) == []
