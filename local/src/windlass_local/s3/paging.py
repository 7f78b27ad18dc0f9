"""One page of a listing, computed from sorted names: prefix, delimiter, marker, and where the next page starts.

Pure: `names` is anything that can iterate from a point. A group of keys ("folder") is skipped by seeking past it, so
the cost of a page depends on its entries, not on the size of the bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from windlass_local.s3.sorted_names import prefix_end

Row = TypeVar("Row")


class Seekable(Protocol):
    """Sorted names that can be read from any point."""

    def since(self, start: str, *, inclusive: bool = True) -> Iterator[str]:
        """Yield the names from `start` on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """The parameters of a page. `after` is the last key or common prefix already seen ("" for none)."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A common prefix: one entry of the listing for every key below it."""

    prefix: str


def entries(
    names: Seekable, parameters: PageRequest, rows: Callable[[str], list[Row]], *, again: bool = False
) -> Iterator[Row | Group]:
    """Yield rows and groups in order. `rows(name)` returns the rows of a name: [] hides it (a delete marker).

    `again`: the name `after` is listed again, because it has more rows.
    """
    position, inclusive = _start(parameters)
    inclusive = inclusive or again
    while position is not None:
        jump: str | None = None
        for name in names.since(position, inclusive=inclusive):
            if not name.startswith(parameters.prefix):
                return
            group = _group_of(name, parameters)
            if group is None:
                yield from rows(name)
                continue
            if group == parameters.after:
                jump = prefix_end(group)
                break
            if rows(name):  # a group whose keys are all deleted is not shown
                yield Group(group)
                jump = prefix_end(group)
                break
        position, inclusive = jump, True


def _start(parameters: PageRequest) -> tuple[str | None, bool]:
    if parameters.after < parameters.prefix:
        return parameters.prefix, True
    if parameters.delimiter and _group_of(parameters.after, parameters) == parameters.after:
        return prefix_end(parameters.after), True
    return parameters.after, parameters.after == ""


def _group_of(name: str, parameters: PageRequest) -> str | None:
    if not parameters.delimiter:
        return None
    at = name.find(parameters.delimiter, len(parameters.prefix))
    return None if at < 0 else name[: at + len(parameters.delimiter)]


def take(entries: Iterator[Row | Group], limit: int) -> tuple[list[Row | Group], bool]:
    """Return up to `limit` entries and whether there are more."""
    page: list[Row | Group] = []
    if limit <= 0:
        return page, False
    for entry in entries:
        if len(page) == limit:
            return page, True
        page.append(entry)
    return page, False
