"""Event source mappings pass through Creating, Updating, Enabling and Disabling.

Upstream: a mapping is Enabled or Disabled at once; StateTransitionReason and two defaults are missing.
AWS: State passes through a transition, and StateTransitionReason is USER_INITIATED.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html
Offered upstream: no.
"""

from __future__ import annotations

import time
from functools import wraps
from typing import Any

from moto.awslambda.models import EventSourceMapping

__all__ = ["PRIVATE_NAMES", "apply", "show_transition"]

PRIVATE_NAMES = ("moto.awslambda.models.EventSourceMapping.get_configuration",)

_TRANSITION_S = 0.2  # how long a transition is shown; polling starts at once

_TRANSITION = "_windlass_transition"


def apply() -> None:
    """Add the transition and the missing members to the configuration."""
    original = EventSourceMapping.get_configuration

    @wraps(original)
    def configuration(mapping: Any) -> dict[str, Any]:
        document = original(mapping)
        document["StateTransitionReason"] = "USER_INITIATED"
        state, until_s = mapping.__dict__.get(_TRANSITION, ("", 0.0))
        if time.monotonic() < until_s:
            document["State"] = state
        if ":sqs:" in mapping.event_source_arn:
            document.setdefault("MaximumBatchingWindowInSeconds", 0)
            document.setdefault("FunctionResponseTypes", [])
        return document

    EventSourceMapping.get_configuration = configuration


def show_transition(mapping: Any, state: str) -> None:
    """Show `state` (`Creating`, `Updating` …) as the mapping's state for a moment."""
    mapping.__dict__[_TRANSITION] = (state, time.monotonic() + _TRANSITION_S)
