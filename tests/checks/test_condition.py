"""Conditions: Kleene's logic over what was read, and the same answers as the JMESPath library where everything was."""

import itertools
from datetime import UTC, datetime

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.checks.condition import parse_condition
from windlass.core.errors import ConfigError

NOW = datetime(2026, 12, 1, tzinfo=UTC)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ABC"), inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from("ABC"), VALUES, max_size=3)
EXPRESSIONS = [
    "A",
    "A.B",
    "A.B.C",
    "A == B",
    "A != `1`",
    "A.B == 'a'",
    "A > `0`",
    "A >= B",
    "A < `1`",
    "A <= B.C",
    "!A",
    "!(A.B)",
    "A && B",
    "A || B",
    "!(A && B) || C == `true`",
    "A[?B]",
    "A[?B == 'a'].C",
    "A[0].B",
    "A[].B",
    "A.*",
    "length(A || `[]`) > `1`",
    "(A || B) && !(C[?A])",
]


def condition(text):
    return parse_condition(text, lambda: NOW)


def is_true(value):
    return value is not False and value is not None and not (isinstance(value, (str, list, dict)) and not value)


@pytest.mark.parametrize("text", EXPRESSIONS)
@given(document=DOCUMENTS)
def test_answers_are_those_of_the_library(text, document):
    try:
        expected = is_true(jmespath.search(text, document))
    except jmespath.exceptions.JMESPathError:
        expected = None  # a type that the function does not take: nobody can say
    except TypeError:  # the library compares texts with numbers, and fails; JMESPath says null
        expected = False
    assert condition(text).evaluate(document, frozenset()) is expected


@pytest.mark.parametrize("text", ["A && B", "A || B", "!A || B", "A && !(B || C)", "(A || B) && (B || C)"])
def test_an_unread_member_is_unknown_only_where_it_decides(text):
    """Kleene's logic, by its definition: unknown when both values of the unread members give different answers."""
    parsed = condition(text)
    for values in itertools.product([True, False, None], repeat=3):
        document = dict(zip("ABC", values, strict=True))
        unread = frozenset(name for name, value in document.items() if value is None)
        answers = {
            parsed.evaluate({**document, **dict(zip(sorted(unread), guess, strict=True))}, frozenset())
            for guess in itertools.product([True, False], repeat=len(unread))
        }
        answer = parsed.evaluate({name: value for name, value in document.items() if name not in unread}, unread)
        assert answer is None or answers == {answer}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A &&", "is not valid"),
        ("nothing(A)", "calls nothing, which does not exist"),
        ("!A.B", "negates only the first name"),
        ("!A[?B]", "negates only the first name"),
        ("length(!A[?B])", "negates only the first name"),
    ],
)
def test_a_mistake_is_named_when_the_condition_is_read(text, message):
    with pytest.raises(ConfigError, match=message):
        condition(text)


@pytest.mark.parametrize(
    ("text", "document", "expected"),
    [
        ("days_since(A) > `29`", {"A": "2026-11-01T00:00:00Z"}, True),
        ("days_since(A) > `31`", {"A": "2026-11-01T00:00:00+00:00"}, False),
        ("days_since(A) > `29`", {"A": 1793491200}, True),
        ("days_until(A) < `30`", {"A": "2026-12-20"}, True),
        ("days_since(A) > `0`", {"A": "soon"}, False),
        ("days_since(A) > `0`", {}, False),
        ("days_to_end('lambda-runtime', A) > `0`", {"A": "python3.13"}, True),
        ("days_to_end('lambda-runtime', A) > `0`", {"A": "python9"}, None),
        ("days_since(A) > `0`", {"A": [1]}, None),
    ],
)
def test_functions_of_time(text, document, expected):
    assert condition(text).evaluate(document, frozenset()) is expected
    assert condition(text).changes is not None


@pytest.mark.parametrize(
    ("text", "document", "crossing"),
    [
        ("days_since(A) > `29`", {"A": "2026-11-10"}, "2026-12-09"),
        ("days_until(A) < `10`", {"A": "2026-12-20"}, "2026-12-10"),
        ("Items[?days_since(At) > `90` || days_since(At) > `7`]", {"Items": [{"At": "2026-11-30"}]}, "2026-12-07"),
        ("days_since(A) > `29`", {"A": "2026-10-01"}, None),
        ("days_since(A) > `29`", {}, None),
        ("days_since(A) > B", {"A": "2026-10-01", "B": 400}, "2026-12-01"),
    ],
)
def test_time_changes_an_answer_when_its_days_cross_a_number(text, document, crossing):
    parsed = condition(text)
    parsed.evaluate(document, frozenset())
    change = parsed.changes.next_after(NOW)
    assert (f"{change:%Y-%m-%d}" if change else None) == crossing
    assert parsed.changes.next_after(NOW) is None
