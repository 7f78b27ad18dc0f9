"""JSON Patch (RFC 6902): the difference of two documents as data, and its application.

Lists are aligned on their equal items, so that one new tag is one operation. Patches made
here apply exactly to the document they were made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from windlass.core.canonical import canonical_json

__all__ = ["apply_patch", "make_patch"]

Operation = dict[str, Any]
# Beyond this the quadratic list comparison costs more than the shorter patch is worth.
_MAX_ALIGNED = 400


def make_patch(old: Any, new: Any) -> list[Operation]:
    """Return the operations (`add`, `remove`, `replace`) that turn `old` into `new`; empty when they are equal."""
    operations: list[Operation] = []
    _compare(old, new, "", operations)
    return operations


def apply_patch(document: Any, patch: Sequence[Operation]) -> Any:
    """Return `document` after `patch`, without changing the argument. ValueError when a path does not exist."""
    result = _copy(document)
    for operation in patch:
        result = _apply(result, operation)
    return result


def _same(a: Any, b: Any) -> bool:
    # 1 == True and 0 == False in Python, not in JSON; the canonical text distinguishes them.
    return type(a) is type(b) and (a == b if isinstance(a, str) else canonical_json(a) == canonical_json(b))


def _compare(old: Any, new: Any, path: str, out: list[Operation]) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() - new.keys()):
            out.append({"op": "remove", "path": f"{path}/{_escape(key)}"})
        for key in sorted(new):
            here = f"{path}/{_escape(key)}"
            if key not in old:
                out.append({"op": "add", "path": here, "value": new[key]})
            else:
                _compare(old[key], new[key], here, out)
    elif isinstance(old, list) and isinstance(new, list) and len(old) + len(new) <= _MAX_ALIGNED:
        _compare_lists(old, new, path, out)
    elif not _same(old, new):
        out.append({"op": "replace", "path": path, "value": new})


def _compare_lists(old: list[Any], new: list[Any], path: str, out: list[Operation]) -> None:
    matcher = SequenceMatcher(None, [canonical_json(i) for i in old], [canonical_json(i) for i in new], autojunk=False)
    shift = 0  # the offset of positions in the patched list from those in `old`
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        paired = min(i2 - i1, j2 - j1)
        for k in range(paired):
            _compare(old[i1 + k], new[j1 + k], f"{path}/{i1 + k + shift}", out)
        for _ in range(i1 + paired, i2):
            out.append({"op": "remove", "path": f"{path}/{i1 + paired + shift}"})
        for k in range(j1 + paired, j2):
            out.append({"op": "add", "path": f"{path}/{i1 + shift + (k - j1)}", "value": new[k]})
        shift += (j2 - j1) - (i2 - i1)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _tokens(path: str) -> list[str]:
    if not path:
        return []
    if not path.startswith("/"):
        raise ValueError(f"a JSON pointer starts with '/': {path!r}")
    return [token.replace("~1", "/").replace("~0", "~") for token in path[1:].split("/")]


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _apply(document: Any, operation: Operation) -> Any:
    tokens = _tokens(operation["path"])
    kind = operation["op"]
    if not tokens:
        return _copy(operation["value"])
    parent = document
    try:
        for token in tokens[:-1]:
            parent = parent[int(token)] if isinstance(parent, list) else parent[token]
        if isinstance(parent, list):
            _apply_to_list(parent, kind, tokens[-1], operation)
        else:
            _apply_to_dict(parent, kind, tokens[-1], operation)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"patch does not fit the document at {operation['path']!r}") from error
    return document


def _apply_to_list(parent: list[Any], kind: str, token: str, operation: Operation) -> None:
    at = len(parent) if token == "-" else int(token)
    if kind == "add":
        if at > len(parent):
            raise IndexError(at)
        parent.insert(at, _copy(operation["value"]))
    elif kind == "remove":
        del parent[at]
    else:
        parent[at] = _copy(operation["value"])


def _apply_to_dict(parent: dict[str, Any], kind: str, token: str, operation: Operation) -> None:
    if kind == "remove":
        del parent[token]
    elif kind == "replace" and token not in parent:
        raise KeyError(token)
    else:
        parent[token] = _copy(operation["value"])
