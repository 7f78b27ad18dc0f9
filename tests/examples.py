"""How many examples a property test tries: all of them by default and in `make test-all`, a share in `make test`."""

import os

__all__ = ["examples"]

SHARE = float(os.environ.get("TEST_EXAMPLES_SHARE", "1"))


def examples(number, least=10):
    """`number`, or the share of it that this run tries, at least `least`."""
    return max(min(least, number), round(number * SHARE))
