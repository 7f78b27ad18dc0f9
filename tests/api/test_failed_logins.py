"""Failed logins: ten wrong credentials of an address, then none of them is looked at; the trail stays bounded."""

from hypothesis import given
from hypothesis import strategies as st

from windlass.api.failed_logins import ALLOWED_FAILURES, AUDITED_PER_WINDOW, MAX_ADDRESSES, WINDOW_S, FailedLogins


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_an_address_is_refused_after_ten_different_failures_until_its_window_ends():
    clock = Clock()
    failures = FailedLogins(clock)
    for number in range(ALLOWED_FAILURES):
        assert failures.blocked_s("192.0.2.7") == 0
        noted = failures.record("192.0.2.7", f"digest-{number}")
        assert noted.audited
        assert noted.blocked is (number == ALLOWED_FAILURES - 1)
    assert failures.blocked_s("192.0.2.7") == WINDOW_S
    assert failures.blocked_s("192.0.2.8") == 0, "others may go on"
    clock.now += WINDOW_S - 1
    assert failures.blocked_s("192.0.2.7") == 1
    clock.now += 1
    assert failures.blocked_s("192.0.2.7") == 0


def test_a_program_with_one_stale_token_is_listed_once_and_never_refused():
    failures = FailedLogins(Clock())
    noted = [failures.record("192.0.2.7", "the same") for _ in range(1000)]
    assert [entry.audited for entry in noted] == [True] + [False] * 999
    assert failures.blocked_s("192.0.2.7") == 0


def test_a_flood_from_many_addresses_fills_neither_the_memory_nor_the_trail():
    clock = Clock()
    failures = FailedLogins(clock)
    noted = [failures.record(f"address-{number}", "x") for number in range(MAX_ADDRESSES + 500)]
    assert sum(entry.audited for entry in noted) == AUDITED_PER_WINDOW
    assert [number for number, one in enumerate(noted) if one.flood] == [AUDITED_PER_WINDOW - 1]
    assert len(failures._addresses) == MAX_ADDRESSES
    clock.now += WINDOW_S
    assert failures.record("later", "x").audited


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.floats(0, WINDOW_S)), max_size=80))
def test_at_most_ten_guesses_of_an_address_are_checked_in_a_window(steps):
    clock = Clock()
    failures = FailedLogins(clock)
    looked_at = []
    for address, guess, wait_s in steps:
        clock.now += wait_s
        if failures.blocked_s(address) == 0:
            failures.record(address, str(guess))
            looked_at.append((clock.now, address, guess))
    for start, address, _ in looked_at:
        # A fixed window may begin anywhere: within any span of one window lie parts of at most two.
        within = {g for at, a, g in looked_at if a == address and start <= at < start + WINDOW_S}
        assert len(within) <= 2 * ALLOWED_FAILURES
