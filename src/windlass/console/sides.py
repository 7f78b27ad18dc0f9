"""Two documents side by side: lines that are equal, changed, come or go; long equal stretches folded. Pure."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import Any

__all__ = ["side_by_side"]

Row = dict[str, Any]
_AROUND = 3
_MOST_LINES = 3000


def side_by_side(before: Any, after: Any) -> list[Row]:
    """Rows of `kind` (same, changed, added, removed, fold), each side with its line number and its text.

    A changed line's text is in three parts: what is common, what differs, what is common again. A fold has the number
    of equal lines it stands for. Empty when the documents are equal, or too long to be compared by line.
    """
    left, right = _lines(before), _lines(after)
    if left == right or max(len(left), len(right)) > _MOST_LINES:
        return []
    rows: list[Row] = []
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for number, (tag, i1, i2, j1, j2) in enumerate(blocks):
        if tag == "equal":
            rows += _equal(left, i1, i2, j1, first=number == 0, last=number == len(blocks) - 1)
            continue
        paired = min(i2 - i1, j2 - j1)
        rows += [_changed(left, right, i1 + k, j1 + k) for k in range(paired)]
        rows += [{"kind": "removed", "left": _side(left, at), "right": None} for at in range(i1 + paired, i2)]
        rows += [{"kind": "added", "left": None, "right": _side(right, at)} for at in range(j1 + paired, j2)]
    return rows


def _lines(document: Any) -> list[str]:
    if document is None:
        return []
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def _side(lines: list[str], at: int) -> Row:
    return {"number": at + 1, "parts": ["", lines[at], ""]}


def _equal(lines: list[str], i1: int, i2: int, j1: int, *, first: bool, last: bool) -> list[Row]:
    head = 0 if first else _AROUND
    tail = 0 if last else _AROUND
    folded = i2 - i1 - head - tail
    rows: list[Row] = []
    for at in range(i1, i2):
        if folded > 1 and i1 + head <= at < i2 - tail:
            if at == i1 + head:
                rows.append({"kind": "fold", "count": folded})
            continue
        same = {"number": at + 1, "parts": [lines[at], "", ""]}
        rows.append({"kind": "same", "left": same, "right": {**same, "number": j1 + at - i1 + 1}})
    return rows


def _changed(left: list[str], right: list[str], i: int, j: int) -> Row:
    old, new = left[i], right[j]
    limit = min(len(old), len(new))
    head = next((at for at in range(limit) if old[at] != new[at]), limit)
    tail = next((at for at in range(limit - head) if old[-1 - at] != new[-1 - at]), limit - head)

    def parts(text: str) -> list[str]:
        return [text[:head], text[head : len(text) - tail], text[len(text) - tail :]]

    return {
        "kind": "changed",
        "left": {"number": i + 1, "parts": parts(old)},
        "right": {"number": j + 1, "parts": parts(new)},
    }
