"""YAML to JSON and back, against PyYAML's own reader."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.pipelines.transforming import content, outputs, outputs_or_rejection, rejection
from windlass.pipelines.model import Reason

texts = st.text(st.characters(codec="utf-8"), max_size=20)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(documents)
@settings(max_examples=examples(150), deadline=None)
def test_json_to_yaml_to_json_keeps_the_document(document):
    data = json.dumps(document).encode()
    converted = content("json-to-yaml", data)
    assert yaml.safe_load(converted) == document
    assert json.loads(content("yaml-to-json", converted, chunk=7)) == document
    assert json.loads(content(["json-to-yaml", "yaml-to-json"], data)) == document


CORPUS = [
    "a: 1\nb: [x, yes, no, on, ~, null, 0x1F, 0o17, 017, 1_000, 1e3, 1.5, .5, -7, '8', \"9\"]\n",
    'literal: |\n  two\n  lines\nfolded: >-\n  one\n  line\nquoted: "tab\\t é \\u263A"\n',
    "- &a {x: 1, y: [1, 2]}\n- *a\n- <<: *a\n  y: 3\n- <<: [*a, {z: 9}]\n",
    "? a\n: 1\n? 2\n: two\ntrue: t\n1.5: f\n",
    "[]\n",
    "{}\n",
    "''\n",
    "~\n",
    "plain text\n",
    "---\nx: 1\n...\n",
    "# only a comment\n---\n5\n",
    "bin: !!binary aGVsbG8=\nint: !!int '3'\nstr: !!str 3\n",
    "nested: {a: {b: {c: [{d: [[], {}]}]}}}\n",
]


@pytest.mark.parametrize("text", CORPUS)
@pytest.mark.parametrize("chunk", [1, 5, 4096])
def test_yaml_is_read_as_pyyaml_reads_it(text, chunk):
    def plain(value):
        if isinstance(value, dict):
            return {key if isinstance(key, str) else json.dumps(key): plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return "aGVsbG8=" if isinstance(value, bytes) else value

    assert json.loads(content("yaml-to-json", text.encode(), chunk=chunk)) == plain(yaml.safe_load(text))


def test_times_become_iso_text():
    converted = json.loads(
        content("yaml-to-json", b"d: 2026-11-21\nt: 2026-11-21T10:00:00Z\nn: 2026-11-21 10:00:00.5\n")
    )
    assert converted == {"d": "2026-11-21", "t": "2026-11-21T10:00:00+00:00", "n": "2026-11-21T10:00:00.500000"}


def test_numbers_keep_all_their_digits():
    assert content("yaml-to-json", b"n: 123456789012345678901234567890\n") == b'{"n":123456789012345678901234567890}\n'
    assert content("json-to-yaml", b'{"n":123456789012345678901234567890}') == b"n: 123456789012345678901234567890\n"


def test_yaml_1_2_has_no_norway_problem():
    data = b"country: no\nmode: 0o644\nold: 0644\nyes: off\nt: 2026-11-21\nf: 1e3\n"
    converted = json.loads(content({"step": "yaml-to-json", "schema": "1.2"}, data))
    assert converted == {"country": "no", "mode": 420, "old": 644, "yes": "off", "t": "2026-11-21", "f": 1000.0}


def test_several_yaml_documents_become_an_array_or_lines():
    data = b"a: 1\n---\nb: 2\n---\n- 3\n"
    assert outputs({"step": "yaml-to-json", "documents": "lines"}, data, name="x.yml") == [
        ("x.jsonl", b'{"a":1}\n{"b":2}\n[3]\n')
    ]
    assert json.loads(content({"step": "yaml-to-json", "documents": "array"}, data)) == [{"a": 1}, {"b": 2}, [3]]
    assert rejection("yaml-to-json", data).reason is Reason.MALFORMED
    assert rejection("yaml-to-json", b"").reason is Reason.MALFORMED


LAUGHS = b"a0: &a0 [lol]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 10)) for i in range(1, 30)
)
LONG = b"a: &a " + b"x" * 1_000_000 + b"\nb: [" + b"*a, " * 10_000 + b"*a]\n"
MERGES = b"a0: &a0 {k: v}\n" + b"".join(
    b"a%d: &a%d {<<: *a%d, k%d: [*a%d, *a%d]}\n" % (i, i, i - 1, i, i - 1, i - 1) for i in range(1, 60)
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(LAUGHS, Reason.BOMB, id="billion laughs"),
        pytest.param(LONG, Reason.BOMB, id="one long text, many aliases"),
        pytest.param(MERGES, Reason.BOMB, id="merge keys"),
        pytest.param(b"[" * 50_000, Reason.BOMB, id="deep flow"),
        pytest.param(b"".join(b" " * i + b"a:\n" for i in range(2_000)), Reason.BOMB, id="deep block"),
        pytest.param(b"- " * 5_000 + b"x", Reason.BOMB, id="deep sequence"),
        pytest.param(b"a: &a [*a]", Reason.UNSUPPORTED, id="cycle"),
        pytest.param(b"a: *nobody", Reason.MALFORMED, id="alias of nothing"),
        pytest.param(b"a: 1\nb: 2\na: 3\n", Reason.MALFORMED, id="a key twice"),
        pytest.param(b"true: 1\n'true': 2\n", Reason.MALFORMED, id="two keys that JSON can't tell apart"),
        pytest.param(b"a: [1, 2", Reason.MALFORMED, id="unclosed"),
        pytest.param(b"a:\n\t- b", Reason.MALFORMED, id="tab"),
        pytest.param(b"a: \xff\xfe", Reason.NOT_TEXT, id="not utf-8"),
        pytest.param(b"a: \x00", Reason.NOT_TEXT, id="nul"),
        pytest.param(b"a: !Ref b", Reason.UNSUPPORTED, id="cloudformation"),
        pytest.param(b"a: !!python/object/apply:os.system ['true']", Reason.UNSUPPORTED, id="python object"),
        pytest.param(b"a: !!set {x, y}", Reason.UNSUPPORTED, id="set"),
        pytest.param(b"a: .inf", Reason.UNSUPPORTED, id="infinity"),
        pytest.param(b"? [a, b]\n: c", Reason.UNSUPPORTED, id="a list as key"),
        pytest.param(b"a: 2026-02-31", Reason.MALFORMED, id="no such day"),
        pytest.param(b"<<: 5", Reason.MALFORMED, id="merge of no mapping"),
        pytest.param(b"x" * (33 << 20), Reason.TOO_LARGE, id="too large"),
    ],
)
def test_bad_yaml_is_rejected_with_a_reason(data, reason):
    assert rejection("yaml-to-json", data, chunk=1 << 20).reason is reason


@given(st.binary(max_size=200) | st.text("[]{}:,-&*!|>'\"%@` \n\tab<?#1.", max_size=80).map(str.encode))
@settings(max_examples=examples(400), deadline=None)
def test_any_input_is_read_or_rejected(data):
    for _, converted in outputs_or_rejection("yaml-to-json", data):
        json.loads(converted)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", Reason.MALFORMED),
        (b'{"a": NaN}', Reason.MALFORMED),
        (b'{"a": 12345678901234567890123, "b": NaN}', Reason.MALFORMED),
        (b'"\xff"', Reason.MALFORMED),
        (b"[" * 100_000, Reason.MALFORMED),
        (b"[" * 900 + b"]" * 900, Reason.BOMB),
        (b"1234567890123456789, " + b"[" * 100_000, Reason.MALFORMED),
        (b"", Reason.MALFORMED),
    ],
)
def test_invalid_json_is_rejected(data, reason):
    assert rejection("json-to-yaml", data).reason is reason
