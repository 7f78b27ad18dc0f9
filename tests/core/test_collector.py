"""The collector of cycles looks less often while something asks for it, and as before afterwards."""

import gc
import threading

import pytest

from windlass.core.collector import seldom


@pytest.fixture(autouse=True)
def _threshold():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_it_looks_less_often_until_the_last_of_several_is_done():
    gc.set_threshold(700, 10, 10)
    inside, leave = threading.Event(), threading.Event()

    def other():
        with seldom():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with seldom():
        thread.start()
        assert inside.wait(10)
        assert gc.get_threshold()[0] > 10_000
    assert gc.get_threshold()[0] > 10_000, "the other still wants it"
    leave.set()
    thread.join(10)
    assert gc.get_threshold() == (700, 10, 10)


def test_an_error_inside_changes_nothing_for_good():
    gc.set_threshold(700, 10, 10)
    with pytest.raises(RuntimeError), seldom():
        raise RuntimeError
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("asked", [0, 1_000_000])
def test_who_looks_never_or_less_often_already_is_left_alone(asked):
    gc.set_threshold(asked, 10, 10)
    with seldom():
        assert gc.get_threshold()[0] == asked
    assert gc.get_threshold()[0] == asked
