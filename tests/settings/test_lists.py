"""Sections of which there can be several."""

import pytest

from windlass.core.errors import ConfigError
from windlass.settings import load
from windlass.settings.render import starter_file


def read(tmp_path, text):
    (tmp_path / "windlass.toml").write_text(text, "utf-8")
    return load(environ={}, cwd=tmp_path).settings


def test_consumers_are_read_in_order_each_with_its_defaults(tmp_path):
    text = '[[consume]]\nqueue = "a"\nhandler = "m:f"\n[[consume]]\nqueue = "b"\nhandler = "m:g"\nconcurrency = 3\n'
    first, second = read(tmp_path, text).consume
    assert (first.title, first.concurrency) == ("a", 16)
    assert (second.title, second.concurrency) == ("b", 3)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('queue = "a"\nhandler = "m:f"\nvisability_s = 3', "did you mean visibility_s?"),
        ('queue = "a"', "handler"),
        ('queue = "a"\nhandler = "m:f"\nconcurrency = 0', "greater than or equal to 1"),
    ],
)
def test_faults_in_an_entry_are_named(tmp_path, entry, said):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"[[consume]]\n{entry}\n")
    assert said in caught.value.message
    assert "consume" in caught.value.message


def test_the_starter_file_shows_an_entry_and_is_valid_as_it_is(tmp_path):
    assert "#   [[consume]]" in starter_file()
    assert read(tmp_path, starter_file()).consume == []
