"""The order in which `make test` starts its tests (tests/conftest.py), and the share of them that it tries."""

import pytest

from tests import examples as shares
from tests.conftest import deal


@pytest.mark.parametrize("workers", [1, 2, 4, 7])
@pytest.mark.parametrize("count", [0, 3, 50, 101])
def test_each_worker_begins_with_its_share_of_the_longest(workers, count):
    durations = [number if number % 5 == 0 else 0 for number in range(count)]
    dealt = deal(list(range(count)), durations.__getitem__, workers=workers)
    assert sorted(dealt) == list(range(count))
    long = sorted(filter(None, durations), reverse=True)
    if len(long) < workers:
        return
    first = []
    for left in range(workers, 0, -1):  # as xdist's worksteal hands the tests out
        first.append(dealt[0])
        dealt = dealt[len(dealt) // left :]
    assert first == long[:workers]


def test_a_sample_has_the_last_value_and_all_where_everything_is_tried(monkeypatch):
    monkeypatch.setattr(shares, "SHARE", 0.2)
    drawn = shares.sample(range(20), least=3)
    assert (len(drawn), drawn[-1]) == (4, 19)
    assert drawn == sorted(set(drawn))
    assert shares.sample([7, 8], least=3) == [7, 8]
    monkeypatch.setattr(shares, "SHARE", 1.0)
    assert shares.sample(range(20)) == list(range(20))
