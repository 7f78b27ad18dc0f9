"""The pace: a service that allows R calls a second is used at nearly R, and hardly ever says no. On a virtual clock."""

import random

import pytest

from windlass.estate.model import Scope
from windlass.estate.throttle import Bucket, Pacer


class Service:
    """A token bucket of AWS's kind: `rate` a second, bursts of `burst`."""

    def __init__(self, rate, burst):
        self.rate, self.burst, self.tokens, self.at = rate, burst, float(burst), 0.0

    def admits(self, now):
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@pytest.mark.parametrize(("rate", "burst"), [(5, 5), (20, 40), (100, 100), (500, 500)])
def test_near_the_allowed_rate_with_few_refusals(rate, burst):
    bucket, service, now, answered, refused = Bucket(), Service(rate, burst), 0.0, 0, 0
    dice = random.Random(1)
    settled = 60.0
    while now < 600:
        wait = bucket.reserve(now)
        now += wait if wait > 0 else 0.0005 + dice.random() * 0.0005  # far faster workers than the service allows
        good = service.admits(now)
        (bucket.succeeded if good else bucket.refused)(now)
        if now > settled:
            answered += good
            refused += not good
    assert answered >= 0.85 * rate * (600 - settled), f"{answered / (600 - settled):.1f} of {rate}/s used"
    assert refused <= 0.02 * (answered + refused), f"{refused} of {answered + refused} refused"


def test_a_throttled_scope_slows_alone():
    clock = [0.0]
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        clock[0] += seconds

    pacer = Pacer(clock=lambda: clock[0], sleep=sleep)
    slow, fast = Scope("1", "eu-west-1", "kms"), Scope("1", "eu-west-1", "s3")
    for _ in range(20):
        pacer.wait(slow)
        pacer.refused(slow)
    before = len(slept)
    for _ in range(100):
        pacer.wait(fast)
        pacer.succeeded(fast)
    assert len(slept) == before, "the other scope must not wait"
    pacer.wait(slow)
    assert len(slept) > before
    stats = {stat.scope: stat for stat in pacer.stats()}
    assert (stats[slow].throttled, stats[fast].throttled) == (20, 0)


def test_a_burst_of_refusals_is_one_fact():
    bucket = Bucket()
    for _ in range(50):
        bucket.succeeded(0.5)
    for _ in range(30):
        bucket.refused(1.0)
    assert bucket.rate_per_s > 10, "thirty refusals of one burst must not cut the rate thirty times"
