"""How many examples a property test tries: all of them by default and in `make test-all`, a share in `make test`."""

import os
import random

__all__ = ["EVERYTHING", "examples", "sample"]

SHARE = float(os.environ.get("TEST_EXAMPLES_SHARE", "1"))
EVERYTHING = SHARE >= 1


def examples(number, least=10):
    """`number`, or the share of it that this run tries, at least `least`."""
    return max(min(least, number), round(number * SHARE))


def sample(values, least=3):
    """The share of `values` that this run tries, in their order: at least `least`, the last of them always.

    The others are drawn anew in each run, from pytest-randomly's seed, which the run prints.
    """
    values = list(values)
    count = examples(len(values), least)
    drawn = random.sample(range(len(values) - 1), count - 1)
    return [values[index] for index in (*sorted(drawn), len(values) - 1)]
