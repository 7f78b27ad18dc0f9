"""An aggregation rule over a stream of events on a virtual clock: which actions run, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from windlass.aggregation.config import AggregateConfig
from windlass.aggregation.rules import Rule
from windlass.aggregation.simulate import Simulation, simulate
from windlass.core.errors import ConfigError
from windlass.events import ObjectEvent

__all__ = ["aggregate"]

_DEFAULTS = {"name": "rule", "queue": "queue", "action": {"kind": "python", "function": "builtins:print"}}


def aggregate(
    rule: Mapping[str, Any], events: Iterable[ObjectEvent], *, lag_s: float = 1.0, action_s: float = 0.5
) -> Simulation:
    """Run `events` (in the order of their times) through a rule, written as an `[[aggregate]]` table of windlass.toml.

    `name`, `queue` and `action` may be left out. Events arrive `lag_s` after they happened; an action takes `action_s`.
    `Simulation.actions` has (epoch seconds, key, events covered) of each action. ConfigError for a rule that is wrong.
    """
    try:
        config = AggregateConfig.model_validate({**_DEFAULTS, **rule})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"the rule's {where or 'table'}: {first['msg']}", hint="See [[aggregate]] in the settings."
        ) from None
    return simulate(Rule(config), events, lag_s=lag_s, action_s=action_s)
