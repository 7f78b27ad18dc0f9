"""Groups: what is ready, and the order within a FIFO group."""

from windlass.queues.groups import Groups


def ready(groups):
    result = list(groups.ready)
    groups.ready.clear()
    return result


def test_leases_without_a_group_are_ready_at_once():
    groups = Groups()
    for number in (1, 2, 3):
        groups.add(number, "")
    assert ready(groups) == [1, 2, 3]


def test_one_lease_of_a_group_is_ready_and_the_next_one_after_it():
    groups = Groups()
    for number, group in ((1, "a"), (2, "a"), (3, "b"), (4, "a")):
        groups.add(number, group)
    assert ready(groups) == [1, 3]
    groups.complete(1, "a")
    assert ready(groups) == [2]
    groups.complete(2, "a")
    groups.complete(4, "a")
    groups.add(5, "a")
    assert ready(groups) == [4, 5]


def test_a_lease_behind_the_head_may_complete_first_without_starting_another():
    """It was handled by an earlier delivery: only its delete was not confirmed."""
    groups = Groups()
    groups.add(1, "a")
    groups.add(2, "a")
    assert ready(groups) == [1]
    groups.complete(9, "a")
    assert ready(groups) == [1], "the head is ready again: the reader skips a lease that no longer waits"


def test_a_group_whose_head_returns_is_dissolved_and_what_still_runs_is_kept():
    groups = Groups()
    for number in (1, 2, 3):
        groups.add(number, "a")
    ready(groups)
    assert groups.withdraw(1, "a") == [2, 3]
    assert groups.withdraw(1, "a") == []
    groups.restore("a", [2])
    groups.add(4, "a")
    assert ready(groups) == [], "4 waits behind 2"
    groups.complete(2, "a")
    assert ready(groups) == [4]
    groups.withdraw(4, "a")
    groups.restore("a", [])
    groups.add(5, "a")
    assert ready(groups) == [5]
