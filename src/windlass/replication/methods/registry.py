"""The methods, by name. A new method needs one file in this package, one entry here, and its place in planning (cost,
choice).
"""

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
