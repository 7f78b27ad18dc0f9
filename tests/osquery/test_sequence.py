"""Epochs and counters: a lost difference is never silently wrong."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from windlass.osquery.messages import ResultLine
from windlass.osquery.sequence import Difference, FullSet, Gap, advance, is_settled, joined_runs


def run(counter, *, epoch=7, added=(), removed=(), at=None, event=False):
    return ResultLine(
        query="windlass_packages_deb_linux",
        unix_time=1_000 + counter * 60 if at is None else at,
        epoch=epoch,
        counter=counter,
        is_event=event,
        added=tuple({"name": name} for name in added),
        removed=tuple({"name": name} for name in removed),
    )


def steps(*lines, assigned=7):
    position, made = None, []
    for line in lines:
        made.append(advance(position, line, assigned_epoch=assigned))
        position = made[-1].position
    return made


def contents(*lines, **options):
    return [type(step.content) for step in steps(*lines, **options)]


def test_a_full_set_and_the_differences_after_it():
    full, second = steps(run(0, added="ab"), run(1, added="c", removed="a"))
    assert full.content == FullSet(({"name": "a"}, {"name": "b"}))
    assert second.content == Difference(({"name": "c"},), ({"name": "a"},))
    assert not full.needs_epoch
    assert not second.needs_epoch


def test_a_lost_difference_is_a_gap_until_a_full_set_of_a_new_epoch():
    _, gap, after, _ = made = steps(run(0), run(2), run(3), run(4))
    assert isinstance(gap.content, Gap)
    assert "results 1 to 1 did not arrive" in gap.content.reason
    assert gap.needs_epoch
    assert after.content is None
    assert not after.position.is_known
    healed = advance(made[-1].position, run(0, epoch=8, added="x", at=5_000), assigned_epoch=8)
    assert healed.content == FullSet(({"name": "x"},))
    assert healed.position.is_known


def test_lines_of_the_old_epoch_ask_for_no_other_epoch():
    position = steps(run(0), run(2))[-1].position
    assert not advance(position, run(3), assigned_epoch=8).needs_epoch


def test_a_delivery_that_comes_twice_changes_nothing():
    assert contents(run(0), run(1), run(0), run(1), run(2)) == [FullSet, Difference, type(None), type(None), Difference]


def test_a_counter_that_restarts_in_the_same_epoch_is_a_gap():
    """osquery does that for a query whose SQL changed, and sends a difference (Query::addNewResults)."""
    assert contents(run(0), run(1), run(0, at=9_000)) == [FullSet, Difference, Gap]


def test_a_full_set_of_an_epoch_that_was_not_assigned_is_not_trusted():
    assert contents(run(0, epoch=0)) == [Gap]
    assert contents(run(1)) == [Gap], "the first set was lost"


@given(
    states=st.lists(st.frozensets(st.sampled_from("abcdef")), min_size=1, max_size=8),
    lost=st.frozensets(st.integers(0, 7)),
    repeated=st.frozensets(st.integers(0, 7)),
)
def test_a_known_set_is_the_hosts_set(states, lost, repeated):
    """Whatever is lost or repeated: while the section is known, it has the rows that the host had at that run."""
    before, position, rows = frozenset(), None, None
    for counter, state in enumerate(states):
        line = run(counter, added=sorted(state - before), removed=sorted(before - state))
        before = state
        if counter in lost:
            continue
        for _ in range(2 if counter in repeated else 1):
            step = advance(position, line, assigned_epoch=7)
            position = step.position
            match step.content:
                case FullSet(full):
                    rows = {row["name"] for row in full}
                case Difference(added, removed):
                    rows = (rows | {row["name"] for row in added}) - {row["name"] for row in removed}
                case Gap():
                    rows = None
            assert position.is_known == (rows is not None)
            if position.is_known:
                assert rows == state


def test_event_lines_of_one_run_are_joined_across_requests():
    first = [run(0, added="a", event=True), run(0, added="b", event=True)]
    runs, pending = joined_runs(first, None)
    assert runs == []
    assert [row["name"] for row in pending.added] == ["a", "b"]
    runs, pending = joined_runs([run(0, added="c", event=True), run(1, removed="a", event=True)], pending)
    assert [row["name"] for row in runs[0].added] == ["a", "b", "c"]
    assert pending.counter == 1
    assert not is_settled(pending, pending.unix_time + 1)
    assert is_settled(pending, pending.unix_time + 2)


def test_a_batch_line_ends_the_event_run_before_it():
    runs, pending = joined_runs([run(0, added="a", event=True), run(1, added="b")], None)
    assert [line.counter for line in runs] == [0, 1]
    assert pending is None
    assert replace(runs[0], is_event=True).added == ({"name": "a"},)
