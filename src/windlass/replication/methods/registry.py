"""The methods, by name. A new method is one file beside these, one entry here, and its price and place in the choice."""

from __future__ import annotations

from collections.abc import Mapping

from windlass.replication.methods.batch.method import BatchMethod
from windlass.replication.methods.direct import DirectMethod
from windlass.replication.methods.emr.method import EmrMethod
from windlass.replication.methods.method import SeedMethod
from windlass.replication.model import Method

__all__ = ["METHODS"]

_ALL: tuple[SeedMethod, ...] = (BatchMethod(), DirectMethod(), EmrMethod())
METHODS: Mapping[Method, SeedMethod] = {method.name: method for method in _ALL}
