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


def reach(start: str, source: Source, *, left_out: Sequence[str] = ()) -> Reach:
    """Everything that importing and calling `start` may import, `left_out` and what is below it excepted.

    Imports for type checkers don't count. Those inside functions do: a step's module is loaded when a pipeline names it.
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
        for said, is_late in _imports(ast.parse(read[0])):
            top = said.partition(".")[0]
            if top == root:
                waiting.append(said)
            else:
                (later if is_late else now).add(top)
    return Reach(tuple(sorted(found)), tuple(sorted(now)), tuple(sorted(later - now)))


def _imports(tree: ast.AST, *, is_late: bool = False) -> Iterator[tuple[str, bool]]:
    """Names that may be modules (`from a import b` may mean a.b), each with whether it is inside a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((one.name, is_late) for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, is_late
            yield from ((f"{node.module}.{one.name}", is_late) for one in node.names)
        elif isinstance(node, ast.If) and _is_for_types(node.test):
            for each in node.orelse:
                yield from _imports(ast.Module([each], []), is_late=is_late)
        else:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _imports(node, is_late=is_late or inside)


def _is_for_types(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
