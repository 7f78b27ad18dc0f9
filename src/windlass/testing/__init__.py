"""Tools for users to test their own handlers, transforms and rules, in milliseconds and without AWS.

The production code runs: the consumer's coordinator, the pipelines' chain of steps, the aggregation's protocol. Only
time, the queue and the network are replaced. `windlass.testing.fixtures` has pytest fixtures over the embedded AWS.
"""

from windlass.testing.clock import FakeClock
from windlass.testing.consumer import Attempt, Consumption, consume
from windlass.testing.events import WRAPPINGS, object_event, wrap_events
from windlass.testing.queue import DeadLettered, FakeQueue
from windlass.testing.rules import aggregate
from windlass.testing.transforms import Transformed, transform

__all__ = [
    "WRAPPINGS",
    "Attempt",
    "Consumption",
    "DeadLettered",
    "FakeClock",
    "FakeQueue",
    "Transformed",
    "aggregate",
    "consume",
    "object_event",
    "transform",
    "wrap_events",
]
