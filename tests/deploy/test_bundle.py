"""What goes into a Lambda zip: only what the handler reaches, the same bytes each time, from here or from wheels."""

import hashlib
import io
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from windlass.core.errors import ConfigError, Conflict, UsageError
from windlass.deploy.bundle import BUNDLES, EXTRAS, Bundle, Entry, Target, bundle_of, extra_of, this_target
from windlass.deploy.bundle_config import Payload, read_payload
from windlass.deploy.bundle_files import belongs
from windlass.deploy.bundle_installed import _tag_fits, closure, fits
from windlass.deploy.bundle_modules import reach
from windlass.deploy.bundle_wheels import fetch
from windlass.deploy.bundling import build, build_layer, distributions_of, reach_of
from windlass.deploy.zip_bytecode import bytecode
from windlass.deploy.zip_lock import NAMES, locked, part_of
from windlass.deploy.zip_write import zip_bytes

HEAVY = (
    "sqlalchemy",
    "alembic",
    "rich",
    "typer",
    "click",
    "fastapi",
    "starlette",
    "uvicorn",
    "jinja2",
    "prometheus_client",
    "moto",
    "windlass_local",
    "boto3",
    "botocore",
    "yaml",
    "pyarrow",
    "duckdb",
    "PIL",
    "zstandard",
    "isal",
    "msgspec",
)
"""What the handler's import must not load: botocore comes with the first call, or while Lambda starts the function."""
HERE = this_target() or Target("x86_64", "3.12")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def zips():
    """Each function's zip, built once."""
    if this_target() is None:
        pytest.skip("this interpreter is none of Lambda's: zips for others need a package index")
    return {one.name: build(one, HERE) for one in BUNDLES}


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda one: one.name)
def test_importing_the_handler_loads_nothing_heavy(bundle):
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, {bundle.module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    allowed = {"rich"}  # structlog takes it where it is installed; a zip has none
    assert set(said) & set(HEAVY) <= allowed
    assert not {"windlass.app", "windlass.inventory"} & set(said)


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda one: one.name)
def test_the_handler_loads_no_other_capability(bundle):
    code = f"import sys, {bundle.module}; print(*sorted(name for name in sys.modules if name.startswith('windlass.')))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    rooms = {name.split(".")[1] for name in said}
    assert rooms <= {
        "core",
        "estate",
        "events",
        "functions",
        "observe",
        "queues",
        "settings",
        "wire",
        f"{bundle.section.replace('aggregate', 'aggregation').replace('pipeline', 'pipelines')}",
    }
    assert set(said) <= set(reach_of(bundle).modules)


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda one: one.name)
def test_the_zip_is_small_and_runs_without_what_is_installed_here(bundle, zips, tmp_path):
    built = zips[bundle.name]
    assert len(built.content) < 10_000_000
    with zipfile.ZipFile(io.BytesIO(built.content)) as archive:
        archive.extractall(tmp_path)
        names = archive.namelist()
    assert names == sorted(names)
    assert not [
        one for one in names if one.startswith(("sqlalchemy", "alembic", "rich", "typer", "fastapi", "botocore"))
    ]
    assert not [one for one in names if one.endswith(("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"))]
    code = f"import {bundle.module} as m, windlass, pydantic, sys; print(windlass.__file__, pydantic.__file__, m.handler.__name__)"
    said = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path)},
    ).stdout
    assert said.split() == [str(tmp_path / "windlass/__init__.py"), str(tmp_path / "pydantic/__init__.py"), "handler"]


def test_the_same_input_makes_the_same_bytes(zips):
    again = build(bundle_of("aggregator"), HERE)
    assert again.sha256 == zips["aggregator"].sha256
    assert again.content == zips["aggregator"].content
    with zipfile.ZipFile(io.BytesIO(again.content)) as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {oct(one.external_attr >> 16) for one in archive.infolist()} == {"0o100644"}
    changed = build(bundle_of("aggregator"), HERE, payload=Payload("# another\n"))
    assert changed.sha256 != again.sha256


def test_bytecode_is_for_every_module_and_has_no_date(zips):
    with zipfile.ZipFile(io.BytesIO(zips["aggregator"].content)) as archive:
        names = archive.namelist()
        modules = [one for one in names if one.endswith(".py")]
        compiled = [one for one in names if one.endswith(".pyc")]
        assert len(compiled) == len(modules) > 100
        assert all(int.from_bytes(archive.read(one)[4:8], "little") == 0b01 for one in compiled)  # PEP 552: unchecked
        assert b"/var/task/windlass/" in archive.read(
            next(one for one in compiled if one.startswith("windlass/events/"))
        )


def test_bytecode_leaves_out_what_is_no_python():
    made = bytecode(
        [Entry("good.py", b"x = 1\n"), Entry("bad.py", b"{% template %}\n"), Entry("a.txt", b"")], HERE.python
    )
    assert [one.path.rpartition("/")[2].partition(".")[0] for one in made] == ["good"]


def test_reach_follows_calls_but_not_annotations():
    modules = {
        "app": ("", True),
        "app.main": (
            "from typing import TYPE_CHECKING\nimport json, orjson\nfrom app import near\nfrom app.near import thing\n"
            "if TYPE_CHECKING:\n    import heavy\n    from app import never\nelse:\n    import light\n"
            "def later():\n    import yaml\n    from app.far import x\n    from app.store import y\n",
            False,
        ),
        "app.near": ("", False),
        "app.far": ("import orjson\n", False),
        "app.never": ("", False),
        "app.store": ("import sqlalchemy\n", False),
    }
    found = reach("app.main", modules.get, left_out=("app.store",))
    assert found.modules == ("app", "app.far", "app.main", "app.near")
    assert found.external == ("json", "light", "orjson", "typing")
    assert found.later == ("yaml",)


def test_the_distributions_are_those_that_are_imported_and_no_others():
    base = (
        "annotated-types",
        "jmespath",
        "orjson",
        "pydantic",
        "pydantic-core",
        "structlog",
        "typing-extensions",
        "typing-inspection",
    )
    assert distributions_of(bundle_of("aggregator"), HERE) == base
    assert distributions_of(bundle_of("pipeline"), HERE) == tuple(sorted([*base, "httptools", "pyyaml"]))
    assert "botocore" in distributions_of(bundle_of("aggregator"), HERE, [extra_of("boto3")])
    everything = {name for one in BUNDLES for name in distributions_of(one, HERE, EXTRAS)}
    assert everything == set(NAMES)


def test_the_lock_in_the_package_is_the_repository_s():
    whole = (ROOT / "requirements/dev.lock").read_text("utf-8")
    assert part_of(whole) == "".join(f"{locked()[name][1]}\n" for name in sorted(NAMES)), "run `make lock`"
    assert set(locked()) == set(NAMES)


@pytest.mark.parametrize(
    ("distribution", "path", "wanted"),
    [
        ("pydantic", "pydantic/main.py", True),
        ("pydantic", "pydantic/v1/main.py", False),
        ("pydantic", "pydantic-2.0.dist-info/METADATA", True),
        ("pydantic", "pydantic-2.0.dist-info/licenses/LICENSE", True),
        ("pydantic", "pydantic-2.0.dist-info/RECORD", False),
        ("pydantic", "pydantic-2.0.dist-info/direct_url.json", False),
        ("boto3", "../../bin/script", False),
        ("httptools", "httptools/parser/parser.pyx", False),
        ("httptools", "httptools/parser/parser.cpython-312-x86_64-linux-gnu.so", True),
        ("botocore", "botocore/data/sqs/2012-11-05/service-2.json.gz", True),
        ("botocore", "botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore", "botocore/data/endpoints.json", True),
        ("pyarrow", "pyarrow/include/arrow/api.h", False),
        ("pyarrow", "pyarrow/tests/test_io.py", False),
        ("pyarrow", "pyarrow/lib.cpython-312-x86_64-linux-gnu.so", True),
        ("orjson", "orjson/__pycache__/__init__.cpython-312.pyc", False),
    ],
)
def test_what_belongs_in_a_zip(distribution, path, wanted):
    assert belongs(distribution, path, services=("sqs",)) is wanted


def test_two_different_files_under_one_path_are_refused():
    assert zip_bytes([Entry("a", b"1"), Entry("a", b"1")])
    with pytest.raises(Conflict, match="two files would be a"):
        zip_bytes([Entry("a", b"1"), Entry("a", b"2")])


def test_a_name_that_is_none_names_those_there_are():
    with pytest.raises(UsageError) as caught:
        bundle_of("pipelines")
    assert "pipeline, aggregator" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        extra_of("numpy")
    assert "parquet" in caught.value.hint


def _wheel(folder, name="tiny", version="1.0"):
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "x = 1\n")
        archive.writestr(f"{name}/tests/test_x.py", "")
        archive.writestr(
            f"{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_wheels_for_another_platform_are_fetched_by_hash(tmp_path, monkeypatch):
    digest = _wheel(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    there = Target("arm64", "3.13")
    lock = {"tiny": ("1.0", f"tiny==1.0 \\\n    --hash=sha256:{digest}")}
    assert [one.path for one in fetch(["tiny"], there, lock=lock)] == [
        "tiny/__init__.py",
        "tiny-1.0.dist-info/METADATA",
    ]
    other = {"tiny": ("1.0", f"tiny==1.0 \\\n    --hash=sha256:{'0' * 64}")}
    with pytest.raises(ConfigError, match="can't bring the wheels for arm64 and Python 3.13"):
        fetch(["tiny"], there, lock=other)


def test_without_an_index_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        build(bundle_of("aggregator"), Target("arm64", "3.13"))
    assert "needs a package index" in caught.value.hint


def test_markers_of_other_versions_and_extras_are_not_followed():
    assert "typing-extensions" not in closure(["structlog"], Target("x86_64", "3.12"))
    assert "email-validator" not in closure(["pydantic"], Target("x86_64", "3.12"))


CONFIG = '[[pipeline]]\nname = "p"\nsource = "s3://a-bucket/in/"\ntarget = "s3://b-bucket/{key}"\ntransform = "%s"\n'


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pipeline", CONFIG % "copy", ""),
        ("pipeline", CONFIG % "yaml-to-json", ""),  # PyYAML is in the base zip
        ("pipeline", CONFIG % "csv-to-parquet", "needs pyarrow"),
        ("pipeline", "", r"no \[\[pipeline\]\]"),
        ("pipeline", '[[pipeline]]\nnaem = "p"\n', "naem is not a known key"),
        (
            "aggregator",
            '[[aggregate]]\nname = "r"\nqueue = "q"\naction = { kind = "sqs-send", queue_url = "https://sqs.us-east-1.amazonaws.com/111111111111/q" }\n',
            "keeps its keys in the store",
        ),
        ("aggregator", "", r"no \[\[aggregate\]\]"),
    ],
)
def test_a_configuration_that_the_function_could_not_start_with_is_refused(name, text, said, tmp_path):
    (tmp_path / "windlass.toml").write_text(text, "utf-8")
    bundle: Bundle = bundle_of(name)
    if not said:
        assert tomllib.loads(read_payload(tmp_path / "windlass.toml", bundle, []).config) == tomllib.loads(text)
        return
    with pytest.raises(ConfigError, match=said):
        read_payload(tmp_path / "windlass.toml", bundle, [])


def test_an_extra_that_a_step_needs_may_be_in_a_layer(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "windlass.toml").write_text(CONFIG % "csv-to-parquet", "utf-8")
    assert read_payload(tmp_path / "windlass.toml", bundle_of("pipeline"), [extra_of("parquet")]).config


def test_a_layer_holds_the_extra_alone_below_python(tmp_path):
    """A layer from what is installed: the step's module comes out of it, and nothing of Windlass is in it."""
    pytest.importorskip("zstandard")
    if this_target() is None or not fits("zstandard", HERE):
        pytest.skip("what is installed here does not run in Lambda")
    built = build_layer(HERE, [extra_of("zstd")])
    with zipfile.ZipFile(io.BytesIO(built.content)) as archive:
        archive.extractall(tmp_path)
        assert all(one.startswith("python/zstandard") for one in archive.namelist())
    said = subprocess.run(
        [sys.executable, "-S", "-c", "import zstandard; print(zstandard.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path / "python")},
    ).stdout
    assert said.strip() == str(tmp_path / "python/zstandard/__init__.py")
    with pytest.raises(UsageError, match="a layer of nothing"):
        build_layer(HERE, [])


def test_a_wheel_for_a_newer_c_library_does_not_fit():
    assert not _tag_fits("cp311-cp311-manylinux_2_28_x86_64", Target("x86_64", "3.11"))
    assert _tag_fits("cp312-cp312-manylinux_2_28_x86_64", Target("x86_64", "3.12"))
    assert _tag_fits("cp312-cp312-manylinux2014_x86_64", Target("x86_64", "3.12"))
    assert not _tag_fits("cp312-cp312-manylinux2014_x86_64", Target("arm64", "3.12"))
    assert not _tag_fits("cp312-cp312-musllinux_1_2_x86_64", Target("x86_64", "3.12"))
    assert not _tag_fits("cp312-cp312-linux_x86_64", Target("x86_64", "3.12"))
    assert _tag_fits("py3-none-any", Target("arm64", "3.13"))
