"""yaml-to-json: one pass builds plain values from YAML events, so that depth and alias expansion are limited while they grow."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from windlass.pipelines.documents import dump_json
from windlass.pipelines.model import Output, Reason, Rejected, Source, Step, StepOption
from windlass.pipelines.names import exchanged
from windlass.pipelines.stream import read_all

__all__ = ["STEP", "documents"]

_MAX_DEPTH = 200
_NODE_BYTES = 64  # minimum memory of a value, so that millions of empty ones are counted
_TAG = "tag:yaml.org,2002:"
_CORE_1_2 = (
    ("null", re.compile(r"|~|null|Null|NULL")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)


def _run(source: Source, options: Mapping[str, Any]) -> Iterator[Output]:
    layout = options["documents"]
    lines = layout == "lines"
    name = exchanged(source.name, (".yaml", ".yml"), ".jsonl" if lines else ".json")
    kind = "application/x-ndjson" if lines else "application/json"
    yield Output(chunks=_json(source, options, layout), name=name, content_type=kind)


def _json(source: Source, options: Mapping[str, Any], layout: str) -> Iterator[bytes]:
    data = read_all(source.chunks, options["max_bytes"])
    parsed = documents(data, core=options["schema"] == "1.2", max_bytes=options["max_expanded_bytes"])
    if layout == "lines":
        for document in parsed:
            yield dump_json(document)
        return
    values = list(parsed)
    if layout == "one":
        if len(values) != 1:
            raise Rejected(
                Reason.MALFORMED,
                f"the object holds {len(values)} YAML documents; the output is one JSON document",
                hint='Set documents = "array" or "lines".',
            )
        yield dump_json(values[0], indent=options["indent"])
    else:
        yield dump_json(values, indent=options["indent"])


def documents(data: bytes, *, core: bool, max_bytes: int) -> Iterator[Any]:
    """Yield the YAML documents as JSON values. Rejected for invalid YAML, bombs, and values that JSON does not have."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(data)
    builder = _Builder(loader, core, max_bytes)
    try:
        while loader.check_event():
            event = loader.get_event()
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                builder.start()
            elif kind == "DocumentEndEvent":
                yield builder.value
            elif kind not in ("StreamStartEvent", "StreamEndEvent"):
                builder.take(kind, event)
    except yaml.reader.ReaderError as problem:
        raise Rejected(Reason.NOT_TEXT, f"not YAML text: {problem.reason} at byte {problem.position}") from problem
    except yaml.YAMLError as problem:
        raise Rejected(Reason.MALFORMED, f"not YAML: {' '.join(str(problem).split())}") from problem
    except (ValueError, OverflowError) as problem:  # a date of month 13, a number of PyYAML's own grammar
        raise Rejected(Reason.MALFORMED, f"a value is invalid for its type: {problem}") from problem
    finally:
        loader.dispose()


@dataclass(slots=True)
class _Open:
    """A collection under construction."""

    value: Any
    anchor: str | None
    cost: int  # the builder's total when it began
    height: int = 0
    key: Any = None
    has_key: bool = False
    merges: list[Any] = field(default_factory=list)
    own: set[str] = field(default_factory=set)


class _Merge:
    """The key `<<`."""


class _Builder:
    """One document's values from its events, without recursion."""

    def __init__(self, loader: Any, core: bool, max_bytes: int) -> None:
        self._loader, self._core, self._max_bytes = loader, core, max_bytes
        self.start()

    def start(self) -> None:
        self.value: Any = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int, int] | None] = {}  # value, cost, height; None while it is open
        self._cost = 0

    def take(self, kind: str, event: Any) -> None:
        if kind == "ScalarEvent":
            self._spend(_NODE_BYTES + len(event.value))
            value = self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = (value, _NODE_BYTES + len(event.value), 0)
            self._put(value, 0)
        elif kind == "AliasEvent":
            self._alias(event.anchor)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._begin({} if kind == "MappingStartEvent" else [], event)
        else:
            self._end()

    def _spend(self, cost: int) -> None:
        self._cost += cost
        if self._cost > self._max_bytes:
            raise Rejected(
                Reason.BOMB,
                "the document expands to more than max_expanded_bytes",
                hint="Aliases repeat their anchors. If the document should be that large, raise max_expanded_bytes.",
            )

    def _begin(self, value: Any, event: Any) -> None:
        expected = f"{_TAG}{'map' if isinstance(value, dict) else 'seq'}"
        if event.tag not in (None, "!", expected):
            raise Rejected(Reason.UNSUPPORTED, f"the tag {_short_tag(event.tag)} has no equivalent in JSON")
        if len(self._open) >= _MAX_DEPTH:
            raise Rejected(Reason.BOMB, f"nested more than {_MAX_DEPTH} levels deep")
        self._open.append(_Open(value, event.anchor, self._cost))
        self._spend(_NODE_BYTES)
        if event.anchor:
            self._anchors[event.anchor] = None

    def _end(self) -> None:
        closed = self._open.pop()
        for merged in reversed(closed.merges):
            for key, value in merged.items():
                if key not in closed.own:
                    closed.value[key] = value
        if closed.anchor:
            self._anchors[closed.anchor] = (closed.value, self._cost - closed.cost, closed.height + 1)
        self._put(closed.value, closed.height + 1)

    def _alias(self, anchor: str) -> None:
        if anchor not in self._anchors:
            raise Rejected(Reason.MALFORMED, f"the alias *{anchor[:50]} names no anchor")
        target = self._anchors[anchor]
        if target is None:
            raise Rejected(
                Reason.UNSUPPORTED, f"the alias *{anchor[:50]} refers to a node that contains it: JSON has no cycles"
            )
        value, cost, height = target
        if len(self._open) + height > _MAX_DEPTH:
            raise Rejected(Reason.BOMB, f"nested more than {_MAX_DEPTH} levels deep")
        self._spend(cost)
        self._put(value, height)

    def _put(self, value: Any, height: int) -> None:
        if not self._open:
            self.value = value
            return
        into = self._open[-1]
        into.height = max(into.height, height)
        if isinstance(into.value, list):
            into.value.append(value)
        elif not into.has_key:
            into.key, into.has_key = value if value is _Merge else _key(value), True
        else:
            into.has_key = False
            if into.key is _Merge:
                into.merges.extend(_mergeable(value))
                return
            if into.key in into.own:
                raise Rejected(Reason.MALFORMED, f"the key {into.key[:100]!r} appears twice in one mapping")
            into.own.add(into.key)
            into.value[into.key] = value

    def _scalar(self, event: Any) -> Any:
        import yaml

        tag = event.tag
        if tag is None or tag == "!":
            plain = event.implicit[0]
            if not plain:
                return event.value
            tag = self._resolved(event.value)
        if tag == f"{_TAG}str":
            return event.value
        if tag == f"{_TAG}merge":
            return _Merge
        if tag == f"{_TAG}binary":
            return base64.b64encode(base64.b64decode("".join(event.value.split()))).decode()
        if self._core and tag == f"{_TAG}int":
            return _core_int(event.value)
        if self._core and tag == f"{_TAG}float":
            return _finite(float(event.value.replace(".inf", "inf").replace(".nan", "nan").replace(".Inf", "inf")))
        construct = self._loader.yaml_constructors.get(tag)
        if (
            construct is None
            or not tag.startswith(_TAG)
            or tag.removeprefix(_TAG) in ("omap", "pairs", "set", "seq", "map")
        ):
            raise Rejected(
                Reason.UNSUPPORTED,
                f"the tag {_short_tag(tag)} has no equivalent in JSON",
                hint="Use the long forms of CloudFormation's functions instead of !Ref, !Sub …",
            )
        value = construct(self._loader, yaml.ScalarNode(tag, event.value))
        return value.isoformat() if isinstance(value, date) else _finite(value)

    def _resolved(self, value: str) -> str:
        import yaml

        if not self._core:
            return str(self._loader.resolve(yaml.ScalarNode, value, (True, False)))
        if value == "<<":
            return f"{_TAG}merge"
        for name, pattern in _CORE_1_2:
            if pattern.fullmatch(value):
                return _TAG + name
        return f"{_TAG}str"


def _core_int(text: str) -> int:
    return int(text, 8) if text.startswith("0o") else int(text, 16) if text.startswith("0x") else int(text)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise Rejected(Reason.UNSUPPORTED, f"JSON has no {value}", hint="Quote the value to make it a string.")
    return value


def _key(value: Any) -> str:
    """Return a YAML key as a string, the only key type of JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, (int, float)):
        return repr(value)
    raise Rejected(Reason.UNSUPPORTED, "a mapping or list is used as a key; JSON keys are strings")


def _mergeable(value: Any) -> list[Any]:
    several = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in several):
        raise Rejected(Reason.MALFORMED, "the value of << is not a mapping")
    return several


def _short_tag(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG)}"[:80] if tag.startswith(_TAG) else tag[:80]


STEP = Step(
    name="yaml-to-json",
    summary="YAML to JSON: aliases expanded, merge keys merged, dates as ISO text, duplicate keys refused.",
    run=_run,
    streams=False,
    requires=("yaml",),
    options=(
        StepOption(
            name="documents",
            help="one: exactly one document; array: a JSON array of all; lines: one JSON line per document.",
            kind="choice",
            choices=("one", "array", "lines"),
            default="one",
        ),
        StepOption(
            name="schema",
            help="1.1: as PyYAML reads it (no, on are booleans); 1.2: the core schema (only true and false are).",
            kind="choice",
            choices=("1.1", "1.2"),
            default="1.1",
        ),
        StepOption(name="indent", help="Indent the JSON by two spaces.", kind="flag", default=False),
        StepOption(
            name="max_bytes", help="Refuse larger objects.", kind="size", default=32 << 20, minimum=1, maximum=1 << 30
        ),
        StepOption(
            name="max_expanded_bytes",
            help="Refuse documents that need more than about this much memory with aliases expanded.",
            kind="size",
            default=128 << 20,
            minimum=1 << 10,
        ),
    ),
    example={"documents": "array"},
)
