"""The loop guard: refuses a pipeline whose outputs would be its own inputs, before it starts.

Sound, not complete: a pipeline that passes cannot loop, whatever the keys; a few harmless targets are refused as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from windlass.core.errors import ConfigError
from windlass.pipelines.selection import Selection
from windlass.pipelines.template import TargetTemplate

__all__ = ["can_match", "check_cycles", "check_loop"]


def can_match(selection: Selection, template: TargetTemplate) -> bool:
    """Return whether the template can make a key that the selection takes."""
    if selection.bucket != template.bucket:
        return False
    head, tail = template.head, template.tail
    is_literal = len(template.pieces) == 1 and not template.names
    if is_literal:
        return selection.selects(template.bucket, head)
    if not (head.startswith(selection.prefix) or selection.prefix.startswith(head)):
        return False
    if tail.endswith("/"):
        return False  # a selection never takes folder placeholders
    if selection.suffixes and not any(tail.endswith(suffix) or suffix.endswith(tail) for suffix in selection.suffixes):
        return False
    return not selection.patterns or any(_can_end(pattern, tail) for pattern in selection.patterns)


def _can_end(pattern: str, tail: str) -> bool:
    """Return whether a key that ends in `tail` can match the pattern, judged by the pattern's literal end."""
    literal = ""
    for letter in reversed(pattern):
        if letter in "*?[]":
            break
        literal = letter + literal
    return tail.endswith(literal) or literal.endswith(tail)


def check_loop(name: str, selection: Selection, targets: Iterable[TargetTemplate]) -> None:
    """Raise ConfigError when a target of the pipeline (or its on_error) lies inside its own source."""
    for target in targets:
        if can_match(selection, target):
            where = f"s3://{selection.bucket}/{selection.prefix}"
            raise ConfigError(
                f"pipeline {name}: its outputs in s3://{target.bucket}/{target.head}… would be inputs of its source {where}",
                hint="Write to another bucket or prefix, or narrow the source with a suffix that outputs do not have.",
            )


def check_cycles(pipelines: Mapping[str, tuple[Selection, Iterable[TargetTemplate]]]) -> None:
    """Raise ConfigError when pipelines feed each other in a ring."""
    feeds = {
        name: [
            reader
            for reader, (selection, _) in pipelines.items()
            if any(can_match(selection, target) for target in targets)
        ]
        for name, (_, targets) in ((name, (entry[0], tuple(entry[1]))) for name, entry in pipelines.items())
    }
    checked: set[str] = set()
    for start in feeds:
        _visit(start, feeds, (), checked)


def _visit(name: str, feeds: Mapping[str, list[str]], path: tuple[str, ...], checked: set[str]) -> None:
    if name in path:
        ring = " → ".join((*path[path.index(name) :], name))
        raise ConfigError(f"pipelines feed each other: {ring}", hint="Give one of them another target.")
    if name not in checked:
        for reader in feeds[name]:
            _visit(reader, feeds, (*path, name), checked)
        checked.add(name)
