"""Imports: every module that a handler may import at run time, found by reading its source code. Pure."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Imports", "find_imports"]

Source = Callable[[str], tuple[str, bool] | None]
"""`source(module)` returns the module's text and whether it is a package; None when there is no such module."""


@dataclass(frozen=True, slots=True)
class Imports:
    """The followed modules, and top-level names of others: imported with their module, or only inside functions (`deferred`)."""

    modules: tuple[str, ...]
    external: tuple[str, ...]
    deferred: tuple[str, ...]


def find_imports(
    start: str, source: Source, *, excluded: Sequence[str] = (), follows: Callable[[str], bool] | None = None
) -> Imports:
    """Return everything that importing and calling `start` may import, except `excluded` and the modules below it.

    Imports for type checkers are ignored. Imports inside functions count: a step's module is loaded when a pipeline names it.
    `follows(top)` returns whether another top-level package is followed; by default only that of `start` is.
    """
    root = start.partition(".")[0]
    modules: set[str] = set()
    external: set[str] = set()
    deferred: set[str] = set()
    pending = [start]
    while pending:
        name = pending.pop()
        if name in modules or any(name == module or name.startswith(f"{module}.") for module in excluded):
            continue
        text_and_kind = source(name)
        if text_and_kind is None:
            continue
        text, is_package = text_and_kind
        modules.add(name)
        parent = name.rpartition(".")[0]
        if parent:
            pending.append(parent)
        for imported, is_deferred in _imported(ast.parse(text), package=name if is_package else parent):
            top = imported.partition(".")[0]
            if top == root or (follows is not None and follows(top)):
                pending.append(imported)
            else:
                (deferred if is_deferred else external).add(top)
    return Imports(tuple(sorted(modules)), tuple(sorted(external)), tuple(sorted(deferred - external)))


def _imported(tree: ast.AST, *, package: str = "", is_deferred: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield names that may be modules (`from a import b` may mean a.b), each with whether it is inside a function.

    `package` resolves relative imports.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, is_deferred) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            if base:
                yield base, is_deferred
                yield from ((f"{base}.{alias.name}", is_deferred) for alias in node.names)
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            for statement in node.orelse:
                yield from _imported(ast.Module([statement], []), package=package, is_deferred=is_deferred)
        elif not isinstance(node, ast.expr):  # an import is a statement, and no expression holds one
            is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _imported(node, package=package, is_deferred=is_deferred or is_function)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the module that `from … import` names; empty for a relative import that leaves its package."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    if node.level > len(parents) or not package:
        return ""
    return ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
