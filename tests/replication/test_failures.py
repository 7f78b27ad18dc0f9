"""Failure codes: all that AWS documents, each with a meaning and an advice."""

import pytest

from windlass.replication.failures import explain, replication_codes


def test_every_documented_code_is_explained_and_most_are_foreseen():
    codes = replication_codes()
    assert len(codes) == len({code.code for code in codes}) == 34
    assert sum(code.predicted for code in codes) >= 28
    for entry in codes:
        assert entry.meaning
        assert entry.advice.endswith(".")


@pytest.mark.parametrize("code", ["DstMultipartPartUploadNotPermitted", "DstPutObjNotPermitted"])
def test_older_names_are_known(code):
    assert explain(code).meaning != explain("NeverHeardOf").meaning


def test_an_unknown_code_keeps_its_message():
    assert explain("Odd", "it rained").meaning == "it rained"
