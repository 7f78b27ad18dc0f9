"""Target templates and the loop guard."""

import datetime as dt

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from windlass.core.errors import ConfigError
from windlass.pipelines.backfill import _lines
from windlass.pipelines.config import PipelineConfig
from windlass.pipelines.loop_guard import can_match, check_cycles, check_loop
from windlass.pipelines.model import Output, Reason, Rejected, Source
from windlass.pipelines.pipeline import build_all
from windlass.pipelines.selection import Selection, read_selection
from windlass.pipelines.template import read_template

WHOLE = Selection(bucket="raw")
SOURCE = Source(
    chunks=(),
    name="a.tar.gz",
    bucket="raw",
    key="in/2026/a.tar.gz",
    version_id="v1",
    etag='"abc"',
    modified=dt.datetime(2026, 3, 9, 7, 5, 1, tzinfo=dt.UTC),
)
OUTPUT = Output(chunks=(), name="docs/x.json", member="docs/x.yaml")


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("{key}", "in/2026/a.tar.gz"),
        ("out/{path}.json", "out/2026/a.tar.gz.json"),
        ("{dir}{stem}.json", "2026/a.tar.json"),
        ("{stem}{suffix}", "a.tar.gz"),
        ("{dir}{name}", "2026/x.json"),
        ("{stem}/{member}", "a.tar/docs/x.yaml"),
        ("{date:%Y/%m/%d}/{stem}-{index}.json", "2026/03/09/a.tar-3.json"),
        ("{date:%H%M%S}-{bucket}-{stem}", "070501-raw-a.tar"),
        ("{version}/{etag}/{name}", "v1/abc/x.json"),
        ("{{{stem}}}", "{a.tar}"),
    ],
)
def test_placeholders_are_filled(template, key):
    target = read_template(f"s3://out-bucket/{template}", Selection(bucket="raw", prefix="in/"))
    assert target.bucket == "out-bucket"
    assert target.key(SOURCE, OUTPUT, 3) == key


@pytest.mark.parametrize("key", [".hidden", "a/.hidden", "noext", "a.", "...", "a b/ü+%.x"])
def test_stem_and_suffix_form_the_complete_name(key):
    target = read_template("s3://out-bucket/{dir}{stem}{suffix}", WHOLE)
    source = Source(chunks=(), name="x", bucket="raw", key=key)
    assert target.key(source, OUTPUT) == key


@pytest.mark.parametrize(
    "url",
    [
        "s3://out/{stem",
        "s3://out/stem}",
        "s3://out/{}",
        "s3://out/{nope}",
        "s3://out/{stem:x}",
        "s3://out/{date}/{stem}",
        "s3://out/{date:}/{stem}",
        "s3://out/{date:%B}/{stem}",
        "s3://out/{date:%Y/%}/{stem}",
        "s3://out/fixed.json",
        "s3://out/{date:%Y}.json",
        "s3://{bucket}/{key}",
        "https://out/{key}",
        "s3://",
        "out/{key}",
    ],
)
def test_invalid_templates_are_config_errors(url):
    with pytest.raises(ConfigError) as problem:
        read_template(url, WHOLE)
    assert problem.value.hint


def test_several_outputs_need_different_targets():
    with pytest.raises(ConfigError):
        read_template("s3://out/{key}", WHOLE, many=True)
    assert read_template("s3://out/{key}/{member}", WHOLE, many=True).per_output


def test_properties_of_a_template():
    assert read_template("s3://out/{date:%Y}/{key}", WHOLE).per_version
    assert not read_template("s3://out/{key}", WHOLE).per_version
    assert read_template("s3://out/{dir}{stem}{suffix}.gz", WHOLE).distinct
    assert not read_template("s3://out/{stem}.json", WHOLE).distinct


@pytest.mark.parametrize("key", ["a/../b", "..", "./a", "x" * 1025, "ü" * 513])
def test_unsafe_target_keys_are_rejected(key):
    with pytest.raises(Rejected) as problem:
        read_template("s3://out/{key}", WHOLE).key(Source(chunks=(), name="x", bucket="raw", key=key), OUTPUT)
    assert problem.value.reason is Reason.UNSAFE_NAME


def test_a_date_placeholder_needs_last_modified():
    with pytest.raises(Rejected):
        read_template("s3://out/{date:%Y}/{key}", WHOLE).key(Source(chunks=(), name="x", key="k"), OUTPUT)


pieces = st.sampled_from(
    [
        "in/",
        "out/",
        "a",
        ".json",
        ".yaml",
        "/",
        "{key}",
        "{path}",
        "{dir}",
        "{stem}",
        "{suffix}",
        "{name}",
        "-",
        "incoming/",
    ]
)
templates = st.lists(pieces, min_size=1, max_size=5).map("".join)
keys = st.lists(
    st.sampled_from(["in/", "out/", "incoming/", "a", "b", ".json", ".yaml", ".gz", "/", "-"]), min_size=1, max_size=6
).map("".join)
selections = st.builds(
    Selection,
    bucket=st.just("raw"),
    prefix=st.sampled_from(["", "in/", "in", "incoming/", "out/", "a"]),
    suffixes=st.sampled_from([(), (".json",), (".yaml", ".yml"), ("a.json",)]),
    patterns=st.sampled_from([(), ("*.json",), ("*.yaml", "x*"), ("a?", "*b*"), ("[ab]*.gz",)]),
)


@given(templates, selections, st.lists(keys, min_size=1, max_size=20))
@settings(max_examples=examples(1500), deadline=None)
def test_a_pipeline_that_passes_the_guard_never_loops(template, selection, inputs):
    try:
        target_template = read_template(f"s3://raw/{template}", selection)
    except ConfigError:
        assume(False)
    if can_match(selection, target_template):
        return
    for key in inputs:
        if not selection.selects("raw", key):
            continue
        source = Source(chunks=(), name=key, bucket="raw", key=key)
        output = Output(chunks=(), name=key.rpartition("/")[2] + ".json")
        try:
            target = target_template.key(source, output)
        except Rejected:
            continue
        assert not selection.selects("raw", target), (key, target)


@pytest.mark.parametrize(
    ("source", "how", "target", "loops"),
    [
        ("s3://raw/in/", {}, "s3://raw/in/{stem}.json", True),
        ("s3://raw/in/", {}, "s3://raw/{dir}{stem}.json", True),
        ("s3://raw/in/", {}, "s3://raw/out/{stem}.json", False),
        ("s3://raw/in/", {}, "s3://other/in/{stem}.json", False),
        ("s3://raw/", {}, "s3://raw/out/{stem}.json", True),
        ("s3://raw/", {"suffixes": (".yaml",)}, "s3://raw/{dir}{stem}.json", False),
        ("s3://raw/", {"suffixes": (".yaml",)}, "s3://raw/{dir}{stem}.min.yaml", True),
        ("s3://raw/", {"suffixes": (".yaml",)}, "s3://raw/{dir}{name}", True),
        ("s3://raw/", {"patterns": ("*.yaml",)}, "s3://raw/{dir}{stem}.json", False),
        ("s3://raw/in/", {}, "s3://raw/in{stem}/x", True),
    ],
)
def test_the_loop_guard_refuses_loops(source, how, target, loops):
    selection = read_selection(source, **how)
    template = read_template(target, selection)
    assert can_match(selection, template) is loops
    if loops:
        with pytest.raises(ConfigError, match="inputs"):
            check_loop("p", selection, [template])
    else:
        check_loop("p", selection, [template])


def test_a_ring_of_pipelines_is_refused():
    a, b = read_selection("s3://raw/a/"), read_selection("s3://raw/b/")
    to_b, to_a = read_template("s3://raw/b/{key}", a), read_template("s3://raw/a/{key}", b)
    check_cycles({"first": (a, [to_b]), "second": (b, [read_template("s3://raw/c/{key}", b)])})
    with pytest.raises(ConfigError, match="first → second → first"):
        check_cycles({"first": (a, [to_b]), "second": (b, [to_a])})


def test_folder_placeholders_are_not_selected():
    assert not read_selection("s3://raw/in/").selects("raw", "in/")
    assert read_selection("s3://raw/in/", patterns=("*.yaml",)).selects("raw", "in/x/y.yaml")
    with pytest.raises(ConfigError):
        read_selection("s3://raw/in/*.yaml")


def test_a_ring_through_on_error_is_refused():
    def config(name, source, errors):
        return PipelineConfig(name=name, source=source, target="s3://done/{key}", on_error=errors)

    with pytest.raises(ConfigError, match="feed each other"):
        build_all([config("a", "s3://raw/a/", "s3://raw/b/"), config("b", "s3://raw/b/", "s3://raw/a/")])
    build_all(
        [config("a", "s3://raw/a/", "s3://raw/b/"), config("b", "s3://raw/b/", "s3://raw/c/")]
    )  # a pipeline that repairs refused objects


def test_a_file_of_keys_is_read_literally(tmp_path):
    """Keys may contain commas and quotes; only rows that begin with the bucket's name are manifest rows."""
    (tmp_path / "keys").write_text(
        'in/a,b.yaml\nin/"q".yaml\nraw,in/c%20d%2Ce.yaml\n"raw","in/f.yaml","v1"\n\n', "utf-8"
    )
    assert list(_lines(tmp_path / "keys", "raw")) == ["in/a,b.yaml", 'in/"q".yaml', "in/c d,e.yaml", "in/f.yaml"]


KEYS = st.text(alphabet="ab/.", min_size=1, max_size=6).filter(lambda key: not key.endswith("/"))


@given(KEYS, KEYS, st.sampled_from(["{dir}{name}", "{dir}{stem}{suffix}", "{path}", "{key}"]))
@settings(max_examples=examples(500), deadline=None)
def test_different_keys_have_different_targets(first, right, template):
    """`in//a` and `in/a` are two objects."""
    assume(first != right)
    selection = Selection(bucket="raw", prefix="in/")
    target = read_template(f"s3://out/x{template}", selection)
    assert target.distinct
    keys = []
    for key in (first, right):
        source = Source(chunks=(), name=key.rpartition("/")[2], bucket="raw", key=f"in/{key}")
        try:
            keys.append(target.key(source, Output(chunks=(), name=source.name)))
        except Rejected:
            return
    assert keys[0] != keys[1]
