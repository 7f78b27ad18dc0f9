"""What goes into a function beside Windlass: the entries it runs, and the user's own modules that they name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from windlass.core.errors import ConfigError
from windlass.deploy import function_code as coding
from windlass.deploy.bundle import Platform, bundle_of
from windlass.deploy.function_config import FunctionConfig, function_config
from windlass.deploy.stack import StackKind
from windlass.deploy.user_modules import user_entries
from windlass.settings import load

WHOLE = """
[estate]
endpoint_url = "http://127.0.0.1:1"
organization = true
organization_role = "windlass-inventory-reader"
ca_bundle = "/etc/ssl/mine.pem"
allowed_accounts = ["111122223333", "444455556666"]
environments = { sandbox = { profile = "me" } }
retries = 5

[[estate.accounts]]
id = "444455556666"
role = "reader"
external_id = "shared-secret"

[console]
port = 9999

[store]
url = "postgresql://windlass@db/windlass"

[[pipeline]]
name = "first"
source = "s3://raw/in/"
target = "s3://out/{dir}{name}"
metadata = { "a.b" = "x\\"y\\u2028", c = "" }
transform = [{ step = "line-filter", keep = "^a" }, "gzip"]

[[pipeline]]
name = "second"
source = "s3://raw/second/"
target = "s3://out/{key}"
"""


def test_a_function_gets_its_entries_and_nothing_of_the_estate_s_roles(tmp_path):
    (tmp_path / "windlass.toml").write_text(WHOLE, "utf-8")
    settings = load(config=str(tmp_path / "windlass.toml"), environ={}, cwd=tmp_path).settings
    single = settings.model_copy(update={"pipeline": settings.pipeline[:1]})
    text = function_config(
        single, bundle_of("pipeline"), [], file="windlass.toml", account_id="111122223333", region="eu-west-1"
    ).text
    assert tomllib.loads(text) == {
        "estate": {
            "endpoint_url": "http://127.0.0.1:1",
            "retries": 5,
            "home_region": "eu-west-1",
            "regions": ["eu-west-1"],
            "accounts": [{"id": "111122223333"}],
            "allowed_accounts": ["111122223333"],
        },
        "pipeline": [tomllib.loads(WHOLE)["pipeline"][0]],
    }
    (tmp_path / "function.toml").write_text(text, "utf-8")
    again = load(config=str(tmp_path / "function.toml"), environ={}, cwd=tmp_path).settings
    assert again.pipeline == settings.pipeline[:1]
    assert (again.estate.organization, again.estate.ca_bundle, again.estate.environments) == (False, "", {})


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def test_a_transform_comes_with_what_it_imports_of_its_project(tmp_path):
    folder = write(
        tmp_path,
        shop__init="",
        shop__transforms="import json\nfrom . import prices\nfrom .deep.more import thing\nimport shared\nimport yaml\n",
        shop__prices="from shop import rates\n",
        shop__rates="",
        shop__unused="",
        shop__deep__more="thing = 1\n",
        shared="def late():\n    import later\n",
        later="",
        other="",
    )
    (folder / "shop" / "init.py").rename(folder / "shop" / "__init__.py")
    entries = user_entries(["shop.transforms:run"], [folder], distributions=["pyyaml"])
    assert {entry.path for entry in entries} == {
        "shop/__init__.py",
        "shop/transforms.py",
        "shop/prices.py",
        "shop/rates.py",
        "shop/deep/more.py",
        "shared.py",
        "later.py",
    }


def test_what_the_function_would_lack_is_said_before_anything_is_deployed(tmp_path):
    folder = write(tmp_path, mine="import numpy_of_nobody\n")
    with pytest.raises(ConfigError, match="imports numpy_of_nobody, which the zip does not contain"):
        user_entries(["mine:run"], [folder], distributions=[])
    with pytest.raises(ConfigError, match="elsewhere:run is not in this project's folder"):
        user_entries(["elsewhere:run"], [folder], distributions=[])
    assert user_entries(["elsewhere:run"], [folder], distributions=[], added=["elsewhere"]) == []


def test_the_same_input_is_built_once_and_any_other_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(write(tmp_path / "project", mine="x = 1\n"))
    built = []

    def build(bundle, platform, **more):
        built.append(more["config"])
        return type("BuiltZip", (), {"content": b"PK" + more["config"].text.encode()})

    monkeypatch.setattr(coding, "build_function", build)
    platform = Platform("arm64", "3.12")

    def code(text="a", **more):
        return coding.build_code(StackKind.PIPELINE, FunctionConfig(text, ("mine:run",)), platform, **more)

    assert code() == code()
    assert len(built) == 1
    assert (tmp_path / "cache" / "windlass" / "functions").stat().st_mode & 0o777 == 0o700
    code("b")
    code(extras=["boto3"])
    write(tmp_path / "project", mine="x = 2\n")
    code()
    assert len(built) == 4
