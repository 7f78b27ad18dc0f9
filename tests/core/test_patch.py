"""A patch turns exactly one document into exactly another, and is small where the change is small."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from windlass.core.canonical import canonical_json
from windlass.core.patch import apply_patch, make_patch

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("ab/~0", max_size=3), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=examples(400), deadline=None)
@given(json_values, json_values)
def test_applying_the_patch_gives_the_new_document(old, new):
    before = canonical_json(old)
    assert canonical_json(apply_patch(old, make_patch(old, new))) == canonical_json(new)
    assert canonical_json(old) == before, "the old document was changed in place"


@given(json_values)
def test_equal_documents_have_no_patch(value):
    assert make_patch(value, apply_patch(value, [])) == []


def test_one_new_tag_is_one_operation():
    old = {"Tags": [{"Key": "env", "Value": "prod"}, {"Key": "team", "Value": "web"}]}
    new = {"Tags": [{"Key": "cost", "Value": "7"}, {"Key": "env", "Value": "prod"}, {"Key": "team", "Value": "web"}]}
    assert make_patch(old, new) == [{"op": "add", "path": "/Tags/0", "value": {"Key": "cost", "Value": "7"}}]


def test_a_changed_value_inside_a_list_item_is_one_replace():
    old = {"Rules": [{"ID": "a", "Days": 1}, {"ID": "b", "Days": 2}]}
    new = {"Rules": [{"ID": "a", "Days": 1}, {"ID": "b", "Days": 9}]}
    assert make_patch(old, new) == [{"op": "replace", "path": "/Rules/1/Days", "value": 9}]


def test_true_is_not_one():
    assert make_patch({"x": 1}, {"x": True}) == [{"op": "replace", "path": "/x", "value": True}]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "remove", "path": "/text/0"},
        {"op": "remove", "path": "no-slash"},
    ],
)
def test_a_patch_for_another_document_is_refused(operation):
    with pytest.raises(ValueError, match=r"does not fit|starts with"):
        apply_patch({"list": [], "text": "abc"}, [operation])
