"""A sweep (tests/sweeps.py) runs every case and reports every failure."""

import inspect

import pytest

from tests.sweeps import sweep


def test_every_case_runs_and_every_failure_names_its_case():
    seen = []

    @sweep("number, text", [(1, "a"), (2, "b"), (3, "c"), (4, "d")])
    def check(tmp_path, number, text):
        seen.append((tmp_path, number, text))
        assert number != 2
        if number == 3:
            pytest.skip("a case can't be left out unseen")

    assert list(inspect.signature(check).parameters) == ["tmp_path"]
    with pytest.raises(BaseExceptionGroup, match="2 of 4 cases failed") as failed:
        check(tmp_path="folder")
    assert seen == [("folder", 1, "a"), ("folder", 2, "b"), ("folder", 3, "c"), ("folder", 4, "d")]
    assert [failure.__notes__ for failure in failed.value.exceptions] == [
        ["in the case (2, 'b')"],
        ["in the case (3, 'c')"],
    ]


def test_a_sweep_without_cases_fails():
    @sweep("number", [])
    def check(number):
        pass

    with pytest.raises(AssertionError):
        check()
