"""Corrections of moto: one file each, complete in its docstring, on the page of the docs."""

from pathlib import Path

import pytest

from windlass_local import moto_patches
from windlass_local.moto_names import MOTO_VERSION, missing_names
from windlass_local.patch_list import page, read_patches

ROOT = Path(__file__).parents[2]
FOLDER = Path(moto_patches.__file__).parent


def test_every_file_is_applied_and_every_applied_patch_is_a_file():
    names = sorted([*moto_patches.AT_START, *moto_patches.CLOUDFORMATION])
    assert sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__") == names


def test_every_patch_names_moto_s_behaviour_and_the_source():
    for patch in read_patches():
        assert patch.source.startswith("https://"), patch.name
        assert patch.upstream.endswith("."), patch.name
        assert patch.aws.endswith("."), patch.name
        assert patch.offered.split(",")[0] in ("no", "yes"), patch.name


def test_the_page_of_the_docs_lists_them():
    written = (ROOT / "docs/reference/moto-patches.md").read_text("utf-8")
    assert written == page(), "run `make docs`"
    assert MOTO_VERSION in written


def test_a_docstring_without_a_source_is_refused(monkeypatch, tmp_path):
    (tmp_path / "bad.py").write_text('"""Buckets are red.\n\nUpstream: blue.\nAWS: red.\n"""\n')
    monkeypatch.setattr("windlass_local.patch_list.files", lambda _: tmp_path)
    monkeypatch.setattr("windlass_local.patch_list.AT_START", ("bad",))
    with pytest.raises(ValueError, match="bad.py: the docstring needs"):
        read_patches()


def test_moto_has_every_name_that_the_patches_rely_on():
    assert missing_names() == []


def test_applying_all_twice_wraps_nothing_twice(local_aws):
    from moto.s3.models import S3Backend

    before = S3Backend.put_object
    moto_patches.apply_all()
    assert S3Backend.put_object is before
