"""windlass.toml: the first source that has a value wins, every value knows where it is from, every fault is named."""

import contextlib
import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.core.errors import ConfigError
from windlass.settings import find_file, load
from windlass.settings.load import known_keys
from windlass.settings.model import Settings
from windlass.settings.render import origin_rows, starter_file


def loaded(tmp_path, text="", environ=None, **overrides):
    (tmp_path / "windlass.toml").write_text(text)
    return load(
        environ=environ or {},
        cwd=tmp_path,
        overrides={key.replace("__", "."): value for key, value in overrides.items()},
    )


def test_command_line_over_environment_over_file_over_default(tmp_path):
    text = "[inventory]\nconcurrency = 5\ninterval_s = 60\nscope_timeout_s = 7\n"
    environ = {"WINDLASS_INVENTORY_INTERVAL_S": "90", "WINDLASS_INVENTORY_SCOPE_TIMEOUT_S": "8"}
    result = loaded(tmp_path, text, environ, inventory__scope_timeout_s=9)
    inventory = result.settings.inventory
    assert (inventory.concurrency, inventory.interval_s, inventory.scope_timeout_s, inventory.types) == (
        5,
        90,
        9,
        ["*"],
    )
    origins = {row["key"]: row["origin"] for row in origin_rows(result) if row["key"].startswith("inventory.")}
    assert origins["inventory.concurrency"] == "windlass.toml"
    assert origins["inventory.interval_s"] == "WINDLASS_INVENTORY_INTERVAL_S"
    assert origins["inventory.scope_timeout_s"] == "command line"
    assert origins["inventory.types"] == "default"


@pytest.mark.parametrize(
    ("variable", "text", "section", "key", "value"),
    [
        ("WINDLASS_ESTATE_REGIONS", "eu-west-1,us-east-1", "estate", "regions", ["eu-west-1", "us-east-1"]),
        ("WINDLASS_ESTATE_REGIONS", "eu-west-1", "estate", "regions", ["eu-west-1"]),
        ("WINDLASS_ESTATE_REGIONS", "enabled", "estate", "regions", "enabled"),
        ("WINDLASS_INVENTORY_TYPES", '["s3.*"]', "inventory", "types", ["s3.*"]),
        ("WINDLASS_STORE_URL", "sqlite:///x.db", "store", "url", "sqlite:///x.db"),
        ("WINDLASS_ESTATE_ORGANIZATION", "true", "estate", "organization", True),
    ],
)
def test_the_environment_speaks_every_kind(tmp_path, variable, text, section, key, value):
    settings = loaded(tmp_path, environ={variable: text}).settings
    assert getattr(getattr(settings, section), key) == value


def test_all_faults_are_listed_at_once_with_the_nearest_key(tmp_path):
    with pytest.raises(ConfigError) as caught:
        loaded(
            tmp_path,
            "[inventry]\n[inventory]\nconcurency = 1\ninterval_s = 'often'\n[estate]\nallowed_accounts = ['12']\n",
        )
    for words in (
        "inventry",
        "did you mean inventory?",
        "did you mean concurrency?",
        "interval_s",
        "twelve digits",
        "windlass.toml",
    ):
        assert words in caught.value.message


def test_broken_toml_names_its_line(tmp_path):
    with pytest.raises(ConfigError, match=r"windlass.toml is not valid TOML.*line 2"):
        loaded(tmp_path, "[inventory]\ninterval_s = = 3\n")


@given(st.text(max_size=60))
def test_any_text_is_settings_or_a_configuration_error(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("toml")
    (folder / "windlass.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(ConfigError):
        load(environ={}, cwd=folder)


def test_the_starter_file_is_valid_toml_and_all_default(tmp_path):
    text = starter_file()
    assert set(tomllib.loads(text)) == set(known_keys())
    assert loaded(tmp_path, text).settings == Settings()
    shown = re.sub(r"^# ([a-z_]+ = .*)$", r"\1", re.sub(r"^# .* # unset$", "", text, flags=re.M), flags=re.M)
    assert loaded(tmp_path, shown).settings == Settings(), "the defaults shown must be the defaults"


def test_a_file_that_was_named_must_be_there(tmp_path):
    for given_, environ in (("nope.toml", {}), (None, {"WINDLASS_CONFIG": "nope.toml"})):
        with pytest.raises(ConfigError, match="nope.toml"):
            find_file(given_, environ, tmp_path)
    home = tmp_path / "xdg" / "windlass"
    home.mkdir(parents=True)
    (home / "windlass.toml").write_text("")
    assert find_file(None, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, tmp_path) == home / "windlass.toml"


def test_a_password_in_a_url_is_not_shown(tmp_path):
    shown = origin_rows(loaded(tmp_path, '[store]\nurl = "postgresql://app:hunter2@db/windlass"\n'))
    [url] = [row["value"] for row in shown if row["key"] == "store.url"]
    assert url == "postgresql://app:***@db/windlass"


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("False", False), ("glue.*, xray.*", ["glue.*", "xray.*"])]
)
def test_a_variable_of_a_switch_that_also_takes_a_list(tmp_path, text, value):
    settings = load(environ={"WINDLASS_INVENTORY_AUTOMATIC": text}, cwd=tmp_path).settings
    assert settings.inventory.automatic == value
