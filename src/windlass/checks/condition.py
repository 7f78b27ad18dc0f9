"""Conditions of checks: JMESPath with three truth values. Pure.

A condition is true, false, or unknown (None) when its result depends on a member of the document that was not read.
`A && B` with a false A is false whatever B is (Kleene's logic), so that an unread member never hides a certain failure.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jmespath.exceptions
import jmespath.parser
import jmespath.visitor

from windlass.checks.functions import NOTHING_KNOWN, Functions, Moment, OtherResources, UnknownState
from windlass.checks.support import UnlistedVersion
from windlass.core.errors import ConfigError

__all__ = ["ALL_UNREAD", "Condition", "parse_condition"]

_UNANSWERABLE = (UnlistedVersion, UnknownState, jmespath.exceptions.JMESPathError, TypeError)
"""Raised for a version that no table has, another resource that was not read, and a value of an unexpected type."""
_DAYS = frozenset({"days_since", "days_until", "days_to_end"})
_OTHERS = frozenset({"gone_targets", "gone_records", "account_blocks"})
Node = Mapping[str, Any]
Evaluate = Callable[[Any, AbstractSet[str]], "bool | None"]
Read = Callable[[Any], Any]

ALL_UNREAD = "*"
"""In a set of unread members: which ones were not read is unknown."""
_ALL = "@"
_RELATIVE = frozenset(
    {"index_expression", "projection", "value_projection", "filter_projection", "flatten", "pipe", "slice"}
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition. `members` are the members of the document that it reads; `@` for the complete document."""

    text: str
    members: frozenset[str]
    functions: frozenset[str]
    """The functions that it calls."""
    evaluate: Evaluate
    """`evaluate(document, unread)`: True, False, or None when unread members decide."""
    changes: TimedChanges | None = None
    """When its answer may change with time alone; None when it never does."""

    @property
    def reads_others(self) -> bool:
        """True when its answer depends on other resources than the one that it judges."""
        return not self.functions.isdisjoint(_OTHERS)


@dataclass(frozen=True, slots=True)
class TimedChanges:
    """The next time at which an answer may change without a change of the document.

    Days are compared with numbers of the condition alone: between two crossings the answer stays. `numbers` is None for a
    condition that uses days in another way; its answer may change at any time.
    """

    numbers: frozenset[float] | None
    functions: Functions

    def next_after(self, now: datetime) -> datetime | None:
        """Return the next such time after the evaluations since the last call; None when there is none."""
        readings = self.functions.take_readings()
        if not readings:
            return None
        if self.numbers is None:
            return now
        crossings = (reading.crossing(number) for reading in readings for number in self.numbers)
        return min((crossing for crossing in crossings if crossing >= now), default=None)


def parse_condition(text: str, moment: Moment, others: OtherResources = NOTHING_KNOWN) -> Condition:
    """Parse a condition; `moment` is the time for `days_since` and `days_until`, `others` answers about other resources.

    ConfigError with the position of a mistake.
    """
    try:
        tree = jmespath.parser.Parser().parse(text).parsed
    except jmespath.exceptions.JMESPathError as error:
        raise ConfigError(f"the condition {text!r} is not valid: {error}", hint="See https://jmespath.org.") from None
    if _negates_a_beginning(tree):
        raise ConfigError(
            f"the condition {text!r} negates only the first name of a path, which is never true",
            hint="Write !(A.B) and !(List[?…]) instead of !A.B and !List[?…].",
        )
    functions = Functions(moment, others)
    names = _function_names(tree)
    unknown = sorted(name for name in names if not functions.has(name))
    if unknown:
        raise ConfigError(
            f"the condition {text!r} calls {unknown[0]}, which does not exist", hint="See docs/guide/checks.md."
        )
    interpreter = jmespath.visitor.TreeInterpreter(jmespath.visitor.Options(custom_functions=functions))
    changes = TimedChanges(_compared_numbers(tree), functions) if names & _DAYS else None
    return Condition(text, _members(tree), names, _truth(tree, interpreter), changes)


def _compared_numbers(tree: Node) -> frozenset[float] | None:
    """Return the numbers that days are compared with; None when days are used in another way, too."""
    numbers: set[float] = set()

    def walk(node: Node, parent: Node | None) -> bool:
        if node["type"] == "function_expression" and node["value"] in _DAYS:
            literals = [child["value"] for child in parent["children"] if child["type"] == "literal"] if parent else []
            if parent is None or parent["type"] != "comparator" or not all(map(_is_number, literals)) or not literals:
                return False
            numbers.update(literals)
        return all(walk(child, node) for child in node["children"] if isinstance(child, Mapping))

    return frozenset(numbers) if walk(tree, None) else None


def _function_names(node: Node) -> frozenset[str]:
    own = {node["value"]} if node["type"] == "function_expression" else set()
    return frozenset(own).union(*(_function_names(child) for child in node["children"] if isinstance(child, Mapping)))


def _negates_a_beginning(node: Node) -> bool:
    """True for `!A.B` and `!List[?…]`, which JMESPath reads as `(!A).B` and `(!List)[?…]`."""
    children = [child for child in node["children"] if isinstance(child, Mapping)]
    if (
        (node["type"] == "subexpression" or node["type"] in _RELATIVE)
        and children
        and children[0]["type"] == "not_expression"
    ):
        return True
    return any(_negates_a_beginning(child) for child in children)


def _members(node: Node) -> frozenset[str]:
    """Return the members of the document that a node reads when it is evaluated on the document itself."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        return frozenset({node["value"]})
    if kind in ("identity", "current"):
        return frozenset({_ALL})
    if kind == "literal":
        return frozenset()
    if kind == "subexpression" or kind in _RELATIVE:
        return _members(children[0])
    if kind == "expref":
        return frozenset()  # evaluated on the items of another argument
    return frozenset().union(*(_members(child) for child in children if isinstance(child, Mapping)))


def _truth(node: Node, interpreter: Any) -> Evaluate:
    kind, children = node["type"], node["children"]
    if kind in ("and_expression", "or_expression"):
        decisive = kind == "or_expression"
        return _joined([_truth(child, interpreter) for child in children], decisive)
    if kind == "not_expression":
        inner = _truth(children[0], interpreter)
        return lambda document, unread: None if (value := inner(document, unread)) is None else not value
    members, read = _members(node), _reader(node, interpreter)

    def evaluate(document: Any, unread: AbstractSet[str]) -> bool | None:
        if unread and (_ALL in members or ALL_UNREAD in unread or not members.isdisjoint(unread)):
            return None
        try:
            return _is_true(read(document))
        except _UNANSWERABLE:
            return None

    return evaluate


def _joined(parts: list[Evaluate], decisive: bool) -> Evaluate:
    """Return the `||` (decisive: True) or `&&` (decisive: False) of conditions: one decisive part decides."""

    def evaluate(document: Any, unread: AbstractSet[str]) -> bool | None:
        result: bool | None = not decisive
        for part in parts:
            value = part(document, unread)
            if value is decisive:
                return decisive
            if value is None:
                result = None
        return result

    return evaluate


def _is_true(value: Any) -> bool:
    """JMESPath's truth: everything but false, null and what is empty; the number 0 is true."""
    return value is not False and value is not None and not (isinstance(value, (str, list, dict)) and not value)


# --- reading -----------------------------------------------------------------------------------------------------------
# The interpreter takes 20 to 40 µs a condition. Most nodes are paths and comparisons: these become closures of 1 µs,
# and the interpreter does the rest. tests/checks compares both on every node type.


def _reader(node: Node, interpreter: Any) -> Read:
    kind, children = node["type"], node["children"]
    if kind == "field":
        return _field(node["value"])
    if kind == "literal":
        value = node["value"]
        return lambda _: value
    if kind == "subexpression":
        steps = [_reader(child, interpreter) for child in children]
        return _chain(steps)
    if kind == "function_expression" and not any(child["type"] == "expref" for child in children):
        return _call(node["value"], [_reader(child, interpreter) for child in children], interpreter)
    if kind == "comparator":
        return _comparison(node["value"], *(_reader(child, interpreter) for child in children))
    return lambda value: interpreter.visit(node, value)


def _call(name: str, arguments: list[Read], interpreter: Any) -> Read:
    call = interpreter._functions.call_function  # noqa: SLF001  the visitor calls it in the same way
    return lambda value: call(name, [argument(value) for argument in arguments])


def _field(name: str) -> Read:
    return lambda value: value.get(name) if isinstance(value, dict) else None


def _chain(steps: list[Read]) -> Read:
    def read(value: Any) -> Any:
        for step in steps:
            if value is None:
                return None
            value = step(value)
        return value

    return read


def _comparison(name: str, left: Read, right: Read) -> Read:
    if name in ("eq", "ne"):
        expected = name == "eq"
        return lambda value: _equal(left(value), right(value)) is expected
    compare = _COMPARE[name]

    def read(value: Any) -> Any:
        one, other = left(value), right(value)
        numbers = _is_number(one) and _is_number(other)
        texts = isinstance(one, str) and isinstance(other, str)  # the library orders texts, too
        return compare(one, other) if numbers or texts else None

    return read


def _equal(left: Any, right: Any) -> bool:
    """JMESPath's equality: true is not 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
