"""Values in batches: a statement takes a bounded number of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["batches"]

Value = TypeVar("Value")


def batches(values: Iterable[Value], size: int) -> Iterator[list[Value]]:
    """Yield lists of `size` values; the last may be shorter. (Python 3.12 has it as itertools.batched.)"""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
