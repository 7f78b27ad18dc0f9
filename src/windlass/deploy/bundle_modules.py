"""Which modules of Windlass a handler reaches, and what else those import: read from their source, nothing is run. Pure."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Reach", "reach"]

Source = Callable[[str], tuple[str, bool] | None]
"""`source(module)`: the module's text and whether it is a package; None when there is no such module."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Windlass's modules, and the top-level names of others: imported at once, and only inside functions (`later`)."""

    modules: tuple[str, ...]
    external: tuple[str, ...]
    later: tuple[str, ...]


def reach(
    start: str, source: Source, *, left_out: Sequence[str] = (), follows: Callable[[str], bool] | None = None
) -> Reach:
    """Everything that importing and calling `start` may import, `left_out` and what is below it excepted.

    Imports for type checkers don't count. Those inside functions do: a step's module is loaded when a pipeline names it.
    `follows(top)` says which other top-level names have modules of their own to include; only that of `start` by default.
    """
    root = start.partition(".")[0]
    found: set[str] = set()
    now: set[str] = set()
    later: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in found or any(name == out or name.startswith(f"{out}.") for out in left_out):
            continue
        read = source(name)
        if read is None:
            continue
        found.add(name)
        parent = name.rpartition(".")[0]
        if parent:
            waiting.append(parent)
        package = name if read[1] else parent
        for said, is_late in _imports(ast.parse(read[0]), package=package):
            top = said.partition(".")[0]
            if top == root or (follows is not None and follows(top)):
                waiting.append(said)
            else:
                (later if is_late else now).add(top)
    return Reach(tuple(sorted(found)), tuple(sorted(now)), tuple(sorted(later - now)))


def _imports(tree: ast.AST, *, package: str = "", is_late: bool = False) -> Iterator[tuple[str, bool]]:
    """Names that may be modules (`from a import b` may mean a.b), each with whether it is inside a function.

    `package` is what relative imports are relative to.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((one.name, is_late) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            if base:
                yield base, is_late
                yield from ((f"{base}.{one.name}", is_late) for one in node.names)
        elif isinstance(node, ast.If) and _is_for_types(node.test):
            for each in node.orelse:
                yield from _imports(ast.Module([each], []), package=package, is_late=is_late)
        else:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports(node, package=package, is_late=is_late or inside)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that `from … import` names; empty for a relative import that leaves its package."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    if node.level > len(parents) or not package:
        return ""
    return ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])


def _is_for_types(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
