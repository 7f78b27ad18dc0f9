"""The walks of docs/architecture.md name files that exist, and the walk of a key names at most eight."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_path_exists():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    paths = [path for path in re.findall(r"`([\w./-]+)`", text) if "/" in path]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_a_key_is_followed_through_at_most_eight_files():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = text.partition("## From a key to a copied, journaled object")[2].partition("\n## ")[0]
    assert 1 <= len(re.findall(r"^\d+\. `", section, re.MULTILINE)) <= 8
