"""Scenarios of the demo: what other programs do in one account, as clients from outside (ADR 0010)."""

from __future__ import annotations

from collections.abc import Mapping

from windlass_local.scenarios.arrivals import Arrivals
from windlass_local.scenarios.changes import Changes
from windlass_local.scenarios.papers import Papers
from windlass_local.scenarios.replicas import Replicas
from windlass_local.scenarios.scans import Scans
from windlass_local.scenarios.scenario import Scenario

__all__ = ["SCENARIOS", "Scenario"]

SCENARIOS: Mapping[str, Scenario] = {
    "arrivals": Arrivals(),
    "changes": Changes(),
    "papers": Papers(),
    "replicas": Replicas(),
    "scans": Scans(),
}
