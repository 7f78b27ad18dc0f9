"""The line diff of two JSON documents, side by side, with long equal stretches folded. Pure."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import Any

__all__ = ["side_by_side"]

Row = dict[str, Any]
CONTEXT_LINES = 3
MAX_LINES = 3000  # difflib is quadratic: longer documents would delay the page


def side_by_side(before: Any, after: Any) -> list[Row]:
    """Return rows of `kind` (same, changed, added, removed, fold), with line number and text of `left` and `right`.

    The text of a line is in three parts: common start, difference, common end. A fold has the number of equal lines
    that it replaces. Empty when the documents are equal, or longer than `MAX_LINES`.
    """
    left, right = _lines(before), _lines(after)
    if left == right or max(len(left), len(right)) > MAX_LINES:
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
    head = 0 if first else CONTEXT_LINES
    tail = 0 if last else CONTEXT_LINES
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
