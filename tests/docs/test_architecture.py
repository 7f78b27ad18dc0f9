"""The picture and the walks of docs/architecture.md: files that exist, five walks, each of at most eight steps."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
WALKS = dict(re.findall(r"^## (From .*)\n((?:(?!^## ).*\n?)*)", TEXT, re.MULTILINE))


def test_every_path_exists():
    paths = [path for path in re.findall(r"`([\w./-]+)`", TEXT) if "/" in path]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_there_are_five_walks():
    assert len(WALKS) == 5


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_a_walk_has_at_most_eight_steps_and_each_begins_with_a_file(walk):
    steps = re.findall(r"^(\d+)\. (.*)", walk, re.MULTILINE)
    assert 1 <= len(steps) <= 8
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    files = [re.match(r"`(src/windlass/[\w/]+\.py)`", text) for _, text in steps]
    assert all(files), steps
    assert len({file[1] for file in files if file}) == len(steps), "a walk names a file twice"


def test_the_picture_names_every_package():
    picture = ET.parse(ROOT / "docs" / "images" / "architecture.svg")
    labels = picture.iter("{http://www.w3.org/2000/svg}text")
    words = set(re.findall(r"[a-z]+", " ".join(label.text or "" for label in labels)))
    packages = {path.parent.name for path in (ROOT / "src" / "windlass").glob("*/__init__.py")}
    assert packages - words == {"functions", "testing"}, "entry points and test tools are not part of the picture"
