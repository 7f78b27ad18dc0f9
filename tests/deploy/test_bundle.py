"""What goes into a Lambda zip: only what the handler reaches, the same bytes each time, from here or from wheels."""

import hashlib
import io
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from windlass.core.errors import ConfigError, Conflict, UsageError
from windlass.deploy.archive import bytecode, zip_bytes
from windlass.deploy.bundle import (
    BUNDLES,
    EXTRAS,
    NAMES,
    RUNTIME,
    VERSIONS,
    Bundle,
    Platform,
    ZipEntry,
    bundle_of,
    extra_of,
    this_platform,
)
from windlass.deploy.distributions import _tag_fits, belongs, fits, locked, part_of, platform_files
from windlass.deploy.function_config import FunctionConfig, read_function_config
from windlass.deploy.function_zip import build_function, build_layer, distributions_of, imports_of
from windlass.deploy.imports import find_imports

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
HERE = this_platform() or Platform("x86_64", "3.12")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def zips():
    """Each function's zip, built once."""
    if this_platform() is None:
        pytest.skip("this interpreter is none of Lambda's: zips for others need a package index")
    return {bundle.name: build_function(bundle, HERE) for bundle in BUNDLES}


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
def test_importing_the_handler_loads_nothing_heavy(bundle):
    modules = subprocess.run(
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
    assert set(modules) & set(HEAVY) <= allowed
    assert not {"windlass.app", "windlass.inventory"} & set(modules)


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
def test_the_handler_loads_no_other_capability(bundle):
    code = f"import sys, {bundle.module}; print(*sorted(name for name in sys.modules if name.startswith('windlass.')))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    rooms = {name.split(".")[1] for name in output}
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
    assert set(output) <= set(imports_of(bundle).modules)


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
def test_the_zip_is_small_and_runs_without_what_is_installed_here(bundle, zips, tmp_path):
    built = zips[bundle.name]
    assert len(built.content) < 10_000_000
    with zipfile.ZipFile(io.BytesIO(built.content)) as archive:
        archive.extractall(tmp_path)
        names = archive.namelist()
    assert names == sorted(names)
    assert not [
        name for name in names if name.startswith(("sqlalchemy", "alembic", "rich", "typer", "fastapi", "botocore"))
    ]
    assert not [name for name in names if name.endswith(("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"))]
    code = f"import {bundle.module} as m, windlass, pydantic, sys; print(windlass.__file__, pydantic.__file__, m.handler.__name__)"
    output = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path)},
    ).stdout
    assert output.split() == [str(tmp_path / "windlass/__init__.py"), str(tmp_path / "pydantic/__init__.py"), "handler"]


def test_the_same_input_makes_the_same_bytes(zips):
    again = build_function(bundle_of("aggregator"), HERE)
    assert again.sha256 == zips["aggregator"].sha256
    assert again.content == zips["aggregator"].content
    with zipfile.ZipFile(io.BytesIO(again.content)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {oct(info.external_attr >> 16) for info in archive.infolist()} == {"0o100644"}
    changed = build_function(bundle_of("aggregator"), HERE, config=FunctionConfig("# another\n"))
    assert changed.sha256 != again.sha256


def test_bytecode_is_for_every_module_and_has_no_date(zips):
    with zipfile.ZipFile(io.BytesIO(zips["aggregator"].content)) as archive:
        names = archive.namelist()
        modules = [name for name in names if name.endswith(".py")]
        compiled = [name for name in names if name.endswith(".pyc")]
        assert len(compiled) == len(modules) > 100
        assert all(int.from_bytes(archive.read(name)[4:8], "little") == 0b01 for name in compiled)  # PEP 552: unchecked
        assert b"/var/task/windlass/" in archive.read(
            next(name for name in compiled if name.startswith("windlass/events/"))
        )


def test_bytecode_leaves_out_what_is_no_python():
    compiled = bytecode(
        [ZipEntry("good.py", b"x = 1\n"), ZipEntry("bad.py", b"{% template %}\n"), ZipEntry("a.txt", b"")], HERE.python
    )
    assert [entry.path.rpartition("/")[2].partition(".")[0] for entry in compiled] == ["good"]


def test_imports_follow_calls_but_not_annotations():
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
    imports = find_imports("app.main", modules.get, excluded=("app.store",))
    assert imports.modules == ("app", "app.far", "app.main", "app.near")
    assert imports.external == ("json", "light", "orjson", "typing")
    assert imports.deferred == ("yaml",)


OPTIONAL = ("prometheus_client", "uvloop")
"""Imported where they are installed; a function runs without them."""
PACKAGES = {"pydantic_core": "pydantic-core", "typing_extensions": "typing-extensions", "yaml": "pyyaml"}


def required(roots, python, *, without=()):
    """The distributions and all that they require there, by the metadata of what is installed here."""
    reachable, pending = set(), list(roots)
    while pending:
        name = canonicalize_name(pending.pop())
        if name in reachable or name in without:
            continue
        reachable.add(name)
        try:
            lines = metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed
        needs = [Requirement(line) for line in lines]
        environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
        pending += [need.name for need in needs if need.marker is None or need.marker.evaluate(environment)]
    return reachable


@pytest.mark.parametrize("python", VERSIONS)
@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
def test_the_distributions_are_those_that_are_imported_and_no_others(bundle, python):
    imports = imports_of(bundle)
    tops = {PACKAGES.get(name, name) for name in (*imports.external, *imports.deferred)}
    optional = {name for extra in EXTRAS for name in extra.distributions} | {"PIL"}
    roots = {name for name in tops if name in NAMES and name not in optional - {"jmespath"}}
    assert required(roots, python, without=RUNTIME) == set(bundle.distributions)
    assert tops - roots <= {*sys.stdlib_module_names, *optional, *OPTIONAL, "windlass"}


@pytest.mark.parametrize("python", VERSIONS)
def test_an_extra_holds_what_it_requires(python):
    for extra in EXTRAS:
        assert required(extra.distributions, python) == set(extra.distributions)
    assert "botocore" in distributions_of(bundle_of("aggregator"), [extra_of("boto3")])


def test_the_lock_in_the_package_is_the_repository_s():
    whole = (ROOT / "requirements/dev.lock").read_text("utf-8")
    assert part_of(whole) == "".join(f"{locked()[name]}\n" for name in sorted(NAMES)), "run `make lock`"
    assert set(locked()) == set(NAMES)


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("pydantic/main.py", True),
        ("pydantic/v1/main.py", False),
        ("pydantic-2.0.dist-info/METADATA", True),
        ("pydantic-2.0.dist-info/licenses/LICENSE", True),
        ("pydantic-2.0.dist-info/RECORD", False),
        ("pydantic-2.0.dist-info/direct_url.json", False),
        ("../../bin/script", False),
        ("bin/script", False),
        ("httptools/parser/parser.pyx", False),
        ("httptools/parser/parser.cpython-312-x86_64-linux-gnu.so", True),
        ("botocore/data/sqs/2012-11-05/service-2.json.gz", True),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/data/endpoints.json", True),
        ("pyarrow/include/arrow/api.h", False),
        ("pyarrow/tests/test_io.py", False),
        ("pyarrow/lib.cpython-312-x86_64-linux-gnu.so", True),
        ("orjson/__pycache__/__init__.cpython-312.pyc", False),
    ],
)
def test_what_belongs_in_a_zip(path, needed):
    assert belongs(path, services=("sqs",)) is needed


def test_two_different_files_under_one_path_are_refused():
    assert zip_bytes([ZipEntry("a", b"1"), ZipEntry("a", b"1")])
    with pytest.raises(Conflict, match="two different files have the path a"):
        zip_bytes([ZipEntry("a", b"1"), ZipEntry("a", b"2")])


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
    there = Platform("arm64", "3.13")
    lock = {"tiny": f"tiny==1.0 \\\n    --hash=sha256:{digest}"}
    assert [file.path for file in platform_files(["tiny"], there, lock=lock)] == [
        "tiny/__init__.py",
        "tiny-1.0.dist-info/METADATA",
    ]
    other = {"tiny": f"tiny==1.0 \\\n    --hash=sha256:{'0' * 64}"}
    with pytest.raises(ConfigError, match="cannot download the wheels for arm64 and Python 3.13"):
        platform_files(["tiny"], there, lock=other)


def test_without_an_index_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        build_function(bundle_of("aggregator"), Platform("arm64", "3.13"))
    assert "Give pip a package index" in caught.value.hint


CONFIG = '[[pipeline]]\nname = "p"\nsource = "s3://a-bucket/in/"\ntarget = "s3://b-bucket/{key}"\ntransform = "%s"\n'


@pytest.mark.parametrize(
    ("name", "text", "problem"),
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
def test_a_configuration_that_the_function_could_not_start_with_is_refused(name, text, problem, tmp_path):
    (tmp_path / "windlass.toml").write_text(text, "utf-8")
    bundle: Bundle = bundle_of(name)
    if not problem:
        assert tomllib.loads(read_function_config(tmp_path / "windlass.toml", bundle, []).text) == tomllib.loads(text)
        return
    with pytest.raises(ConfigError, match=problem):
        read_function_config(tmp_path / "windlass.toml", bundle, [])


def test_an_extra_that_a_step_needs_may_be_in_a_layer(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "windlass.toml").write_text(CONFIG % "csv-to-parquet", "utf-8")
    assert read_function_config(tmp_path / "windlass.toml", bundle_of("pipeline"), [extra_of("parquet")]).text


def test_a_layer_holds_the_extra_alone_below_python(tmp_path):
    """A layer from what is installed: the step's module comes out of it, and nothing of Windlass is in it."""
    pytest.importorskip("zstandard")
    if this_platform() is None or not fits("zstandard", HERE):
        pytest.skip("what is installed here does not run in Lambda")
    built = build_layer(HERE, [extra_of("zstd")])
    with zipfile.ZipFile(io.BytesIO(built.content)) as archive:
        archive.extractall(tmp_path)
        assert all(name.startswith("python/zstandard") for name in archive.namelist())
    output = subprocess.run(
        [sys.executable, "-S", "-c", "import zstandard; print(zstandard.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path / "python")},
    ).stdout
    assert output.strip() == str(tmp_path / "python/zstandard/__init__.py")
    with pytest.raises(UsageError, match="a layer needs at least one extra"):
        build_layer(HERE, [])


def test_a_wheel_for_a_newer_c_library_does_not_fit():
    assert not _tag_fits("cp311-cp311-manylinux_2_28_x86_64", Platform("x86_64", "3.11"))
    assert _tag_fits("cp312-cp312-manylinux_2_28_x86_64", Platform("x86_64", "3.12"))
    assert _tag_fits("cp312-cp312-manylinux2014_x86_64", Platform("x86_64", "3.12"))
    assert not _tag_fits("cp312-cp312-manylinux2014_x86_64", Platform("arm64", "3.12"))
    assert not _tag_fits("cp312-cp312-musllinux_1_2_x86_64", Platform("x86_64", "3.12"))
    assert not _tag_fits("cp312-cp312-linux_x86_64", Platform("x86_64", "3.12"))
    assert _tag_fits("py3-none-any", Platform("arm64", "3.13"))
